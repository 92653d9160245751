/**
 * Keeps a process from ending while one of its worker threads is in native code. Node tears threads down when the process
 * exits, and a native add-on that returns into a torn-down thread aborts the whole process. So on exit the main thread
 * waits, as long as it may, for the call under way; no other is begun.
 */
const busy = 0;
const stop = 1;

/** How long an exiting process waits for all its workers together. */
const waitAtMostMs = 10_000;

/** Shared by one worker and the main thread. */
export type Latch = SharedArrayBuffer;

const words = (latch: Latch): Int32Array => new Int32Array(latch);
const latches = new Set<Latch>();

function release(): void {
	for (const latch of latches) {
		Atomics.store(words(latch), stop, 1);
	}
	const deadline = Date.now() + waitAtMostMs;
	for (const latch of latches) {
		Atomics.wait(words(latch), busy, 1, Math.max(deadline - Date.now(), 0));
	}
}

/** Main thread: a latch that counts until `forget`. */
export function newLatch(): Latch {
	const latch = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
	if (latches.size === 0) {
		process.on('exit', release);
	}
	latches.add(latch);
	return latch;
}

/** Main thread: the worker is gone. */
export function forget(latch: Latch): void {
	latches.delete(latch);
	if (latches.size === 0) {
		process.off('exit', release);
	}
}

/** Worker: does the work unless the process is ending; then undefined. */
export async function latched<T>(latch: Latch, work: () => Promise<T>): Promise<T | undefined> {
	const state = words(latch);
	Atomics.store(state, busy, 1);
	try {
		return Atomics.load(state, stop) === 1 ? undefined : await work();
	} finally {
		Atomics.store(state, busy, 0);
		Atomics.notify(state, busy);
	}
}
