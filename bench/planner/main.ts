/**
 * What the planner and the cost model are worth. Prints CSV; times are those of this machine.
 *
 *     npm run bench:planner -- truth [--models lenet5,cnn-small,sensor-cnn] [--plans d-sgd,pipeline-4] [--steps 10]
 *         [--details details.jsonl] [--tables earlier.csv,…]
 *     npm run bench:planner -- links [--models lenet5] [--plans d-sgd,pipeline-4] [--steps 10] [--seconds 4]
 *         [--device cam-1] [--up "8 Mbit/s"] [--down RATE] [--only declared|other] [--tables earlier.csv,…]
 *     npm run bench:planner -- gain [--cases cameras-wifi,…]
 *     npm run bench:planner -- optimality [--instances 200] [--seed 1] [--labels stay]
 *     npm run bench:planner -- milp [--seeds 3] [--kinds 2,3] [--measures time,…] [--within 0.5] [--limit 120]
 *     npm run bench:planner -- published [--micro-batches 4,8,16,64] [--exact-plans 0,2000]
 *     npm run bench:planner -- speed [--sizes small,medium,large] [--repeats 5] [--seed 1]
 */
import {isFplError} from '../../core/errors.js';
import {gainCommand} from './gain/command.js';
import {linksCommand} from './links/command.js';
import {milpCommand} from './milp.js';
import {optimalityCommand} from './optimality.js';
import {publishedCommand} from './published.js';
import {speedCommand} from './speed.js';
import {truthCommand} from './truth/command.js';

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
	truth: truthCommand,
	links: linksCommand,
	gain: gainCommand,
	milp: milpCommand,
	optimality: optimalityCommand,
	published: publishedCommand,
	speed: speedCommand,
};

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command) {
	console.error(`expected one of ${Object.keys(commands).join(', ')}, got «${name}»`);
	process.exit(2);
}
try {
	await command(args);
} catch (error) {
	// What `parseArgs` finds wrong is an error of use as well.
	if (!isFplError(error) && !(error instanceof TypeError && 'code' in error)) {
		throw error;
	}
	console.error(error.message);
	process.exit(isFplError(error) ? error.exit : 2);
}
