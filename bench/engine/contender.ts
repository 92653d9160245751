/**
 * A contender is a process that trains one case and runs timed blocks of steps when asked, one JSON object per line each
 * way: `{"seconds": 1, "steps": 2}` → `{"steps": 14, "seconds": 1.03, "peakBytes": 123456789}`. The first line it prints is
 * `{"parameters": 61706}` or `{"error": "…"}`. A process per case keeps peak memory apart, and one contender waits while
 * the other computes.
 */
import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {createInterface} from 'node:readline';

export interface Block {
	readonly steps: number;
	readonly seconds: number;
	/** Largest resident set of the process so far. */
	readonly peakBytes: number;
}

/** At least so many steps, and so many seconds. */
export interface BlockRequest {
	readonly seconds: number;
	readonly steps: number;
}

export class Contender {
	readonly parameters: number;
	readonly #process: ChildProcessWithoutNullStreams;
	readonly #lines: AsyncIterator<string>;

	private constructor(process: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, parameters: number) {
		this.#process = process;
		this.#lines = lines;
		this.parameters = parameters;
	}

	get pid(): number {
		return this.#process.pid!;
	}

	/**
	 * @param withinMs the process is killed when it is not done by then.
	 * @throws Error with the process's own words when it cannot run the case.
	 */
	static async start(command: string, args: readonly string[], withinMs?: number): Promise<Contender> {
		const child = spawn(command, args, {stdio: 'pipe', timeout: withinMs, killSignal: 'SIGKILL'});
		let complaints = '';
		child.stderr.on('data', (chunk: Buffer) => {
			complaints = (complaints + chunk.toString()).slice(-2000);
		});
		const failed = new Promise<never>((_, reject) => child.once('error', reject));
		failed.catch(() => {});
		const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
		const first = await Promise.race([lines.next(), failed]);
		if (first.done) {
			const late = child.killed && withinMs !== undefined;
			throw new Error(late ? 'too slow' : complaints.trim().split('\n').at(-1) || `${command} ended`);
		}
		const hello = JSON.parse(first.value) as {parameters: number} | {error: string};
		if ('error' in hello) {
			child.kill();
			throw new Error(hello.error);
		}
		return new Contender(child, lines, hello.parameters);
	}

	async run(request: BlockRequest): Promise<Block> {
		this.#process.stdin.write(`${JSON.stringify(request)}\n`);
		const line = await this.#lines.next();
		if (line.done) {
			throw new Error(this.#process.killed ? 'too slow' : 'the contender ended');
		}
		return JSON.parse(line.value) as Block;
	}

	async close(): Promise<void> {
		const ended = new Promise(resolve => this.#process.once('exit', resolve));
		this.#process.stdin.end();
		await ended;
	}
}
