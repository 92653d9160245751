import test from 'ava';
import {tfjsEngine} from '../../../../models/engines/tfjs/engine.js';
import {stageContract} from '../../../contracts/stage.js';

stageContract(test, 'zoo', {start: () => tfjsEngine({threads: 1}), slow: true});
