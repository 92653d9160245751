/** `fpl data`: which datasets there are, and getting the public ones. */
import {SingleBar} from 'cli-progress';
import {Argument, Command} from 'commander';
import {formatSi} from '../../core/units.js';
import {downloadDataset} from '../../models/datasets/download/download.js';
import {type DownloadName, officialSources} from '../../models/datasets/download/sources.js';
import {userDataFolder} from '../../models/datasets/locate.js';
import {datasetNames, datasets, isAvailable} from '../../models/datasets/open.js';
import {formatOption, stopSignal} from '../options.js';
import {leastSentence, print, printJson, printTable} from '../terminal.js';

const list = (): Command =>
	new Command('list')
		.summary('the datasets that jobs can name')
		.description('Lists the datasets that jobs can name, and whether they are on this machine.')
		.addOption(formatOption('table', 'json'))
		.action(async ({format}: {format: string}) => {
			const rows = await Promise.all(
				datasetNames.map(async name => {
					const {description, source} = datasets[name];
					return {name, description, source, here: await isAvailable(name, {environment: process.env})};
				}),
			);
			if (format === 'json') {
				printJson(rows);
				return;
			}
			const where = {
				stored: (here: boolean) => (here ? 'here' : 'not here'),
				drawn: () => 'drawn when asked for',
				given: () => 'needs a path',
			};
			printTable(
				[{title: 'name'}, {title: 'where'}, {title: 'description', wraps: leastSentence}],
				rows.map(({name, description, source, here}) => [name, where[source](here), description]),
			);
		});

const get = (): Command =>
	new Command('get')
		.addArgument(new Argument('<name>', 'dataset').choices(Object.keys(officialSources)))
		.option('--directory <folder>', 'where it goes (default: the data folder of this user)')
		.summary('download a public dataset')
		.description('Downloads a dataset from its official address, checks it, and keeps it.')
		.addHelpText('after', '\nExample:\n  fpl data get mnist')
		.action(async (name: DownloadName, {directory}: {directory?: string}) => {
			const bar = new SingleBar({
				format: '{bar} {percentage} % | {file} | {done} of {all}',
				noTTYOutput: false,
				hideCursor: true,
				stream: process.stderr,
			});
			let begun = false;
			try {
				const folder = await downloadDataset(name, {
					directory: directory ?? userDataFolder(process.env),
					signal: stopSignal(),
					onProgress({file, received, total}) {
						const facts = {file, done: formatSi(received, 'B'), all: formatSi(total, 'B')};
						if (begun) {
							bar.update(received, facts);
						} else {
							bar.start(total, received, facts);
							begun = true;
						}
					},
				});
				bar.stop();
				print(`${name}: ${folder}`);
			} finally {
				bar.stop();
			}
		});

export const dataCommand = (): Command =>
	new Command('data')
		.summary('datasets on this machine')
		.description('Datasets on this machine, and downloading the public ones.')
		.addCommand(list(), {isDefault: true})
		.addCommand(get())
		.addHelpText('after', '\nExamples:\n  fpl data list\n  fpl data get fashion-mnist');
