import test from 'ava';
import {onnxruntimeEngine} from '../../../../models/engines/onnxruntime/engine.js';
import {engineContract} from '../../../contracts/engine.js';

engineContract(test, {start: () => onnxruntimeEngine({threads: 1})});
