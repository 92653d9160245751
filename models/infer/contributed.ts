/** Operators of ONNX Runtime's own domain, `com.microsoft`, which compiled graphs use where they are faster. */
import {fusedConvolution} from './convolution.js';
import {fusedLinear} from './linear.js';
import {same, unidirectional} from './rules.js';
import {type OperatorTable, op} from './signature.js';

export const contributed: OperatorTable = {
	...fusedConvolution,
	...fusedLinear,
	Gelu: op('F -> F', same),
	BiasGelu: op('F F -> F', unidirectional),
	FastGelu: op('F F? -> F', unidirectional),
	QuickGelu: op('F -> F', same, {alpha: 'float'}),
};
