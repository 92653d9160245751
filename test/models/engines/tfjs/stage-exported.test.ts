import test from 'ava';
import {tfjsEngine} from '../../../../models/engines/tfjs/engine.js';
import {stageContract} from '../../../contracts/stage.js';

stageContract(test, 'exported', {start: () => tfjsEngine({threads: 1}), slow: true});
