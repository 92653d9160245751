/**
 * An emulated agent whose link is otherwise than it says, as a real one may be: what a run notices of that.
 *
 *     node other-link.js CONFIG-FILE '{"up": "8 Mbit/s"}'
 */

import {startAgent} from '../../cli/daemon/start-agent.js';
import {stateDirectory, stopSignal, untilStopped} from '../../cli/options.js';
import {parseValue, readConfig} from '../../core/config/config.js';
import {readConfigFile} from '../../core/config/document.js';
import {consoleLogger} from '../../core/log.js';
import {overrideProfile, overridesSchema} from '../../core/profile/schema.js';
import {agentSchema} from '../../edge-agent/config.js';

const [file = '', link = '{}'] = process.argv.slice(2);
const config = readConfig(agentSchema, {document: await readConfigFile(file)});
const really = parseValue(overridesSchema, {link: JSON.parse(link)}, 'link');
const stop = stopSignal();
const agent = await startAgent(
	config,
	stateDirectory(config.state),
	consoleLogger(config.logLevel),
	stop,
	emulated => overrideProfile(emulated, really).link,
);
await untilStopped(stop);
await agent.close();
