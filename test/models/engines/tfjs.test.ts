import test from 'ava';
import {tfjsEngine} from '../../../models/engines/tfjs/engine.js';
import {engineContract} from '../../contracts/engine.js';

engineContract(test, {start: () => tfjsEngine({threads: 1})});
