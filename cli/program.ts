/** The `fpl` command as data: its subcommands, one file each, with their arguments and options. */
import {Command} from 'commander';
import {softwareVersion} from './version.js';

/** Each with what it needs: whoever asks for one does not wait for the others to load. In the order of the help. */
const commands: Readonly<Record<string, () => Promise<() => Command>>> = {
	broker: async () => (await import('./commands/broker.js')).brokerCommand,
	agent: async () => (await import('./commands/agent.js')).agentCommand,
	devices: async () => (await import('./commands/devices.js')).devicesCommand,
	plan: async () => (await import('./commands/plan.js')).planCommand,
	simulate: async () => (await import('./commands/simulate.js')).simulateCommand,
	run: async () => (await import('./commands/run.js')).runCommand,
	infer: async () => (await import('./commands/infer.js')).inferCommand,
	compare: async () => (await import('./commands/compare.js')).compareCommand,
	report: async () => (await import('./commands/report.js')).reportCommand,
	export: async () => (await import('./commands/export.js')).exportCommand,
	profile: async () => (await import('./commands/profile.js')).profileCommand,
	data: async () => (await import('./commands/data.js')).dataCommand,
	doctor: async () => (await import('./commands/doctor.js')).doctorCommand,
	demo: async () => (await import('./commands/demo.js')).demoCommand,
};

/** The command and all below it. */
export function everyCommand(command: Command): Command[] {
	return [command, ...command.commands.flatMap(everyCommand)];
}

/**
 * A fresh program. It throws commander's errors instead of printing them and ending the process.
 * @param wanted the only subcommand that is asked for; with another word, or none, all are there.
 */
export async function createProgram(wanted?: string): Promise<Command> {
	const program = new Command('fpl')
		.description('Trains deep networks across edge devices over MQTT.')
		.version(softwareVersion)
		.showSuggestionAfterError()
		.addHelpText('after', '\nErrors and exit statuses: docs/errors.md');
	const only = wanted !== undefined && Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
	for (const load of only ? [only] : Object.values(commands)) {
		program.addCommand((await load())());
	}
	for (const command of everyCommand(program)) {
		command.exitOverride().configureOutput({writeErr: () => {}});
	}
	return program;
}
