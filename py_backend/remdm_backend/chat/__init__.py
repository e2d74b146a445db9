"""This room renders chats: messages, by the chat template of the checkpoint, in a process apart."""
