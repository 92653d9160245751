import test from 'ava';
import {onnxruntimeEngine} from '../../../../models/engines/onnxruntime/engine.js';
import {stageContract} from '../../../contracts/stage.js';

stageContract(test, 'calls', {start: () => onnxruntimeEngine({threads: 1})});
