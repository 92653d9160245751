/**
 * What every engine must do, as `models/engines/engine.ts` says it. An engine's own test file starts this suite with a way
 * to make the engine; what an engine cannot do is listed there with a reason, and the list is held to the truth: a test in
 * it that passes is an error, as is a title that does not exist.
 */
import type {ExecutionContext, TestFn} from 'ava';
import type {Engine} from '../../models/engines/engine.js';
import {batches} from './engine/batches.js';
import {closing} from './engine/closing.js';
import {dropout} from './engine/dropout.js';
import {exported} from './engine/exported.js';
import {faults} from './engine/faults.js';
import {golden} from './engine/golden.js';
import {losses} from './engine/losses.js';
import {states} from './engine/states.js';

export interface Gap {
	readonly reason: string;
	/** Titles of tests that fail for this reason. */
	readonly tests: readonly string[];
}

export interface EngineSubject {
	/** A fresh engine. The suite closes it. */
	readonly start: () => Promise<Engine>;
	readonly gaps?: readonly Gap[];
}

/** What a part of the suite registers its tests with. */
export interface Suite {
	/** A test on an engine that the whole file shares. */
	check(title: string, body: (t: ExecutionContext, engine: Engine) => Promise<void>): void;
	/** A test that starts and closes engines of its own. */
	alone(title: string, body: (t: ExecutionContext, start: () => Promise<Engine>) => Promise<void>): void;
}

export function engineContract(test: TestFn, {start, gaps = []}: EngineSubject): void {
	let shared: Engine | undefined;
	const titles = new Set<string>();
	const reasons = new Map(gaps.flatMap(({reason, tests}) => tests.map((title): [string, string] => [title, reason])));

	test.before(async () => {
		shared = await start();
	});
	test.after.always(async () => {
		await shared?.close();
	});

	const register = (title: string, body: (t: ExecutionContext) => Promise<void>) => {
		titles.add(title);
		const reason = reasons.get(title);
		if (reason === undefined) {
			test.serial(title, body);
		} else {
			test.serial.failing(`${title} (not yet: ${reason})`, body);
		}
	};
	const suite: Suite = {
		check: (title, body) => register(title, t => body(t, shared!)),
		alone: (title, body) => register(title, t => body(t, start)),
	};
	for (const part of [golden, exported, losses, states, batches, dropout, faults, closing]) {
		part(suite);
	}
	test('every gap names a test of the contract', t => {
		t.deepEqual(
			[...reasons.keys()].filter(title => !titles.has(title)),
			[],
		);
	});
}
