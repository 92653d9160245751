/** What every engine's stages must do, as `models/engines/stage.ts` says it. */
import type {ExecutionContext, TestFn} from 'ava';
import type {Engine} from '../../models/engines/engine.js';
import {exportedEquality, zooEquality} from './stage/equality.js';
import {order} from './stage/order.js';
import {training} from './stage/training.js';

export interface StageSubject {
	/** A fresh engine, shared by the tests of a file. The suite closes it. */
	readonly start: () => Promise<Engine>;
	/** Whether the engine is slow, so that fewer cuts are tried. */
	readonly slow?: boolean;
}

/** The suite in parts, for files of their own: ava runs files side by side. */
const parts = {zoo: [zooEquality], exported: [exportedEquality], calls: [training, order]} as const;

export interface StageSuite {
	readonly slow: boolean;
	check(title: string, body: (t: ExecutionContext, engine: Engine) => Promise<void>): void;
}

export function stageContract(test: TestFn, which: keyof typeof parts, {start, slow = false}: StageSubject): void {
	let engine: Engine | undefined;
	test.before(async () => {
		engine = await start();
	});
	test.after.always(async () => {
		await engine?.close();
	});
	const suite: StageSuite = {slow, check: (title, body) => test.serial(title, t => body(t, engine!))};
	for (const part of parts[which]) {
		part(suite);
	}
}
