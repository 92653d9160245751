/** `fpl export`: the trained model of a run, as an ONNX file that any runtime executes. */
import path from 'node:path';
import {Command} from 'commander';
import {writeAtomically} from '../../core/atomic-file.js';
import {runId} from '../../core/ids.js';
import {formatSi} from '../../core/units.js';
import {brokerOption, logOption, namespaceOption, stateOption} from '../options.js';
import {fileOfRun} from '../results.js';

export const exportCommand = (): Command =>
	new Command('export')
		.argument('<run>', 'name of the run')
		.argument('<file>', 'where the model goes, for instance model.onnx')
		.summary('write the trained model of a run as ONNX')
		.description(
			'Writes the trained model of a run as an ONNX file that any ONNX runtime executes. Looks in the state folder first, then asks the coordinator.',
		)
		.addOption(stateOption())
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(logOption())
		.addHelpText('after', '\nExample:\n  fpl export lenet5-261121120000-1a2b model.onnx')
		.action(async (run: string, file: string, _options: unknown, command: Command) => {
			const bytes = await fileOfRun(command, runId(run), 'model');
			await writeAtomically(path.resolve(file), [bytes]);
			process.stdout.write(`${file}: ${formatSi(bytes.length, 'B')}\n`);
		});
