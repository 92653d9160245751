/**
 * What the planner and the cost model are worth. Prints CSV; times are those of this machine.
 *
 *     npm run bench:planner -- truth [--models lenet5,cnn-small,sensor-cnn] [--plans d-sgd,pipeline-4] [--steps 10]
 *         [--details details.jsonl] [--tables earlier.csv,…]
 */
import {truthCommand} from './truth/command.js';

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
	truth: truthCommand,
};

const [name = '', ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command) {
	console.error(`expected one of ${Object.keys(commands).join(', ')}, got «${name}»`);
	process.exit(2);
}
await command(args);
