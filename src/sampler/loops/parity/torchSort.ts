/**
 * Sorts as `torch.sort(p, descending=True)` does on a CPU, equal numbers included. That sort is not
 * stable: PyTorch 2.13 on Linux calls `std::sort` of libstdc++ with the comparison "a > b, NaN
 * first", for every dtype and CPU capability. The order of equal numbers follows from its steps, so
 * they are taken here one by one (an introsort: Musser, 1997): quicksort down to runs of 16,
 * heapsort for what is still longer at twice the depth of a balanced tree, and one insertion sort
 * over everything. PyTorch: aten/src/ATen/native/cpu/SortingKernel.cpp.
 */

/** Runs of up to this length are left to the insertion sort. */
const RUN = 16;

/** `torch.topk` sorts a part of the numbers where k is at most a 64th of them. */
const PARTIAL = 64;

/** Sorts one array after another with the same scratch memory. */
export class TorchSort {
  /** The numbers in their order so far, and the original place of each. */
  readonly #keys: Float32Array | Float64Array;
  readonly #from: Uint32Array;

  /**
   * @param size length of the arrays.
   * @param keys memory for as many numbers, of the type that they have.
   */
  constructor(size: number, keys: Float32Array | Float64Array = new Float32Array(size)) {
    this.#keys = keys;
    this.#from = new Uint32Array(size);
  }

  /**
   * Sorts indices.
   * @returns indices of `values`, of the largest first; overwritten by the next call.
   */
  descending(values: Float32Array | Float64Array): Uint32Array {
    this.#take(values);
    this.#sort(values.length);
    return this.#from;
  }

  /**
   * Finds the indices that `torch.topk(values, k)` gives on a CPU, equal numbers included: by a
   * heap of k, or by `std::nth_element` of libstdc++. PyTorch: aten/src/ATen/native/TopKImpl.h.
   * @param k in [0, n].
   * @returns [k] indices, of the largest first; overwritten by the next call.
   */
  top(values: ArrayLike<number>, k: number): Uint32Array {
    this.#take(values);
    const size = values.length;
    if (k * PARTIAL <= size) {
      this.#heapSelect(0, k, size);
      this.#sortHeap(0, k);
    } else if (k > 0) {
      this.#select(k - 1, size);
      this.#sort(k - 1);
    }
    return this.#from.subarray(0, k);
  }

  #take(values: ArrayLike<number>): void {
    this.#keys.set(values);
    for (let i = 0; i < values.length; i++) this.#from[i] = i;
  }

  /** Sorts the first numbers. */
  #sort(size: number): void {
    if (size < 2) return;
    this.#quicksort(0, size, 2 * (31 - Math.clz32(size)));
    this.#insertionSort(0, size);
  }

  /** Puts the number that belongs there at `nth`, and what precedes it before it. */
  #select(nth: number, size: number): void {
    let [first, last] = [0, size];
    for (let depth = 2 * (31 - Math.clz32(size)); last - first > 3; depth--) {
      if (depth === 0) {
        this.#heapSelect(first, nth + 1, last);
        this.#swap(first, nth);
        return;
      }
      this.#pivotToFirst(first, last);
      const cut = this.#partition(first, last);
      if (cut <= nth) first = cut;
      else last = cut;
    }
    this.#insertionSort(first, last);
  }

  /** Makes a heap of the first numbers of [first, last), the last of them at its root. */
  #heapSelect(first: number, middle: number, last: number): void {
    if (middle === first) return;
    const [keys, from] = [this.#keys, this.#from];
    this.#makeHeap(first, middle);
    for (let i = middle; i < last; i++) {
      if (!precedes(keys[i], keys[first])) continue;
      const [key, origin] = [keys[i], from[i]];
      this.#move(first, i);
      this.#sift(first, 0, middle - first, key, origin);
    }
  }

  /**
   * Divides until every run in [first, last) has at most 16 numbers.
   * @param depth how often it may still be divided.
   */
  #quicksort(first: number, last: number, depth: number): void {
    while (last - first > RUN) {
      if (depth-- === 0) {
        this.#heapsort(first, last);
        return;
      }
      this.#pivotToFirst(first, last);
      const cut = this.#partition(first, last);
      this.#quicksort(cut, last, depth);
      last = cut;
    }
  }

  /** Exchanges the first number with the median of the second, the middle and the last. */
  #pivotToFirst(first: number, last: number): void {
    const keys = this.#keys;
    const [a, b, c] = [first + 1, first + Math.floor((last - first) / 2), last - 1];
    if (precedes(keys[a], keys[b])) {
      if (precedes(keys[b], keys[c])) this.#swap(first, b);
      else this.#swap(first, precedes(keys[a], keys[c]) ? c : a);
    } else if (precedes(keys[a], keys[c])) this.#swap(first, a);
    else this.#swap(first, precedes(keys[b], keys[c]) ? c : b);
  }

  /**
   * Divides [first + 1, last) by the number at `first`; equal numbers are exchanged too.
   * @returns where it is divided.
   */
  #partition(first: number, last: number): number {
    const keys = this.#keys;
    const pivot = keys[first];
    let left = first + 1;
    let right = last;
    for (;;) {
      while (precedes(keys[left], pivot)) left++;
      do right--;
      while (precedes(pivot, keys[right]));
      if (left >= right) return left;
      this.#swap(left, right);
      left++;
    }
  }

  /** Sorts with the smallest number at the root, which goes to the end first. */
  #heapsort(first: number, last: number): void {
    this.#makeHeap(first, last);
    this.#sortHeap(first, last);
  }

  #makeHeap(first: number, last: number): void {
    const [keys, from] = [this.#keys, this.#from];
    const length = last - first;
    for (let parent = (length - 2) >> 1; parent >= 0; parent--) {
      this.#sift(first, parent, length, keys[first + parent], from[first + parent]);
    }
  }

  #sortHeap(first: number, last: number): void {
    const [keys, from] = [this.#keys, this.#from];
    for (let end = last - 1; end > first; end--) {
      const [key, origin] = [keys[end], from[end]];
      this.#move(first, end);
      this.#sift(first, 0, end - first, key, origin);
    }
  }

  /**
   * Moves the hole down to a leaf, along the children that come last, then fits the number in from
   * below.
   */
  #sift(first: number, top: number, length: number, key: number, origin: number): void {
    const keys = this.#keys;
    let hole = top;
    for (let child = 2 * hole + 2; child <= length; child = 2 * hole + 2) {
      // A last child may lack a sibling at `child`.
      if (child === length || precedes(keys[first + child], keys[first + child - 1])) child--;
      this.#move(first + child, first + hole);
      hole = child;
    }
    while (hole > top) {
      const parent = (hole - 1) >> 1;
      if (!precedes(keys[first + parent], key)) break;
      this.#move(first + parent, first + hole);
      hole = parent;
    }
    this.#put(first + hole, key, origin);
  }

  #insertionSort(first: number, last: number): void {
    const [keys, from] = [this.#keys, this.#from];
    for (let i = first + 1; i < last; i++) {
      const [key, origin] = [keys[i], from[i]];
      let at = i;
      for (; at > first && precedes(key, keys[at - 1]); at--) this.#move(at - 1, at);
      this.#put(at, key, origin);
    }
  }

  #swap(i: number, j: number): void {
    const [key, origin] = [this.#keys[i], this.#from[i]];
    this.#move(j, i);
    this.#put(j, key, origin);
  }

  #move(source: number, target: number): void {
    this.#keys[target] = this.#keys[source];
    this.#from[target] = this.#from[source];
  }

  #put(at: number, key: number, origin: number): void {
    this.#keys[at] = key;
    this.#from[at] = origin;
  }
}

function precedes(a: number, b: number): boolean {
  return a > b || (Number.isNaN(a) && !Number.isNaN(b));
}
