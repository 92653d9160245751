/** `fpl broker`: the fog broker in the foreground, until a signal. */
import {Command} from 'commander';
import {readConfig} from '../../core/config/config.js';
import {readConfigFile} from '../../core/config/document.js';
import {consoleLogger} from '../../core/log.js';
import {brokerSchema} from '../../fog-broker/config.js';
import {configOption, given, stateDirectory, stopSignal, untilStopped} from '../options.js';

export const brokerCommand = (): Command =>
	new Command('broker')
		.summary('run the fog broker: MQTT broker and coordinator')
		.description(
			'Runs the fog broker: an MQTT broker for the fleet, and the coordinator that drives runs. Runs that were under way when it last ended go on.',
		)
		.option('--listen <url>', 'where the embedded broker listens (default: mqtt://127.0.0.1:1883)')
		.option('--external <url>', 'use this MQTT 3.1.1 broker instead of the embedded one')
		.option('--username <name>', 'for the external broker')
		.option('--password <text>', 'for the external broker')
		.option('--namespace <name>', 'keeps fleets on one broker apart (default: fpl)')
		.option('--profile <name>', 'profile of this machine, for its energy (default: server-core)')
		.option('--engine <name>', 'auto, onnxruntime or tfjs')
		.option('--threads <count>', 'computing threads of the coordinator (default: 1)')
		.option('--agent <name>', 'run an agent on this machine too, under this name, so that it can compute stages')
		.option('--state <directory>', 'where runs are kept')
		.option('--log-level <level>', 'silent, error, warn, info, debug or trace (default: info)')
		.addOption(configOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl broker
  fpl broker --listen mqtt://0.0.0.0:1883 --state /var/lib/fpl
  fpl broker --listen mqtt://0.0.0.0:1883 --agent fog-1
  fpl broker --external mqtts://broker.example.org --username fog --password secret`,
		)
		.action(async (options: Record<string, unknown>) => {
			const {config: file, ...flags} = options;
			const config = readConfig(brokerSchema, {
				document: file === undefined ? undefined : await readConfigFile(String(file)),
				env: process.env,
				flags: given(flags),
			});
			const {startFog} = await import('../daemon/start-fog.js');
			const logger = consoleLogger(config.logLevel);
			const stop = stopSignal();
			const state = stateDirectory(config.state);
			const fog = await startFog(config, state, logger, stop);
			const {startFogAgent} = await import('../daemon/fog-agent.js');
			const stopAgent = config.agent && (await startFogAgent(config.agent, {config, url: fog.url, state, logger}));
			process.stdout.write(`fpl broker: listening on ${fog.url}\n`);
			await untilStopped(stop);
			logger.info('stopping');
			await (stopAgent || undefined)?.();
			await fog.close();
		});
