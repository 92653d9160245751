/** The worker's side of a stage: from a message to a call. */
import {FplError} from '../../../core/errors.js';
import type {HostedStage, Lent, StageCall} from './protocol.js';

export async function performOnStage(stage: HostedStage, call: StageCall, lent: Lent = {inputs: {}}): Promise<unknown> {
	const {inputs} = lent;
	switch (call.kind) {
		case 'save':
			return stage.save(call.parts);
		case 'load':
			return stage.load(call.state);
		case 'forward':
			return await stage.forward(call.micro, inputs, call.where);
		case 'backward':
			return await stage.backward(call.micro, inputs);
		case 'learn':
			return await stage.learn(call.micro, inputs, targetsOf(lent), call.where);
		case 'gradient':
			return stage.gradient();
		case 'squared-norm':
			return stage.squaredNorm();
		case 'discard':
			return stage.discard();
		case 'apply':
			return await stage.apply(call.options);
		case 'predict':
			return await stage.predict(inputs);
		case 'evaluate':
			return await stage.evaluate(inputs, targetsOf(lent));
		default:
			return call satisfies never;
	}
}

function targetsOf({targets}: Lent) {
	if (targets === undefined) {
		throw new FplError('DATA_SHAPE', {where: 'targets', expected: 'a tensor', got: 'nothing'});
	}
	return targets;
}
