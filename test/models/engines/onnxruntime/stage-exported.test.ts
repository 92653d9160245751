import test from 'ava';
import {onnxruntimeEngine} from '../../../../models/engines/onnxruntime/engine.js';
import {stageContract} from '../../../contracts/stage.js';

stageContract(test, 'exported', {start: () => onnxruntimeEngine({threads: 1})});
