/** The `fpl` command as data: its subcommands, one file each, with their arguments and options. */
import {Command} from 'commander';
import {agentCommand} from './commands/agent.js';
import {brokerCommand} from './commands/broker.js';
import {compareCommand} from './commands/compare.js';
import {dataCommand} from './commands/data.js';
import {demoCommand} from './commands/demo.js';
import {devicesCommand} from './commands/devices.js';
import {doctorCommand} from './commands/doctor.js';
import {exportCommand} from './commands/export.js';
import {inferCommand} from './commands/infer.js';
import {planCommand} from './commands/plan.js';
import {profileCommand} from './commands/profile.js';
import {reportCommand} from './commands/report.js';
import {runCommand} from './commands/run.js';
import {simulateCommand} from './commands/simulate.js';
import {softwareVersion} from './version.js';

/** The command and all below it. */
export function everyCommand(command: Command): Command[] {
	return [command, ...command.commands.flatMap(everyCommand)];
}

/** A fresh program. It throws commander's errors instead of printing them and ending the process. */
export function createProgram(): Command {
	const program = new Command('fpl')
		.description('Trains deep networks across edge devices over MQTT.')
		.version(softwareVersion)
		.showSuggestionAfterError()
		.addHelpText('after', '\nErrors and exit statuses: docs/errors.md');
	for (const make of [
		brokerCommand,
		agentCommand,
		devicesCommand,
		planCommand,
		simulateCommand,
		runCommand,
		inferCommand,
		compareCommand,
		reportCommand,
		exportCommand,
		profileCommand,
		dataCommand,
		doctorCommand,
		demoCommand,
	]) {
		program.addCommand(make());
	}
	for (const command of everyCommand(program)) {
		command.exitOverride().configureOutput({writeErr: () => {}});
	}
	return program;
}
