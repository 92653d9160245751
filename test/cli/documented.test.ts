/** What the pages, the help texts and the error texts tell people to type can be typed. */
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {type Command, CommanderError} from 'commander';
import {createProgram, everyCommand} from '../../cli/program.js';
import {readConfig} from '../../core/config/config.js';
import {parseConfigText} from '../../core/config/document.js';
import {checkPlan} from '../../core/plan/check.js';
import {jobSchema} from '../../core/plan/job.js';
import {planSchema} from '../../core/plan/plan.js';
import {readFleet} from '../../core/profile/fleet-file.js';
import {readUnitTimes} from '../../core/profile/unit-times.js';
import {type CommandLine, codeBlocks, documentedCommands, mentionedCommands} from '../support/command-lines.js';
import {fpl} from '../support/processes.js';
import {temporaryFolder} from '../support/temporary.js';

const root = path.resolve(import.meta.dirname, '../../..');
const pages = ['README.md', ...readdirSync(path.join(root, 'docs')).map(file => `docs/${file}`)]
	.filter(file => file.endsWith('.md'))
	.map(file => ({file, text: readFileSync(path.join(root, file), 'utf8')}));

/** Source files that may tell people what to type. */
const sources = ['core', 'models', 'edge-agent', 'fog-broker', 'cli', 'reports'].flatMap(folder =>
	readdirSync(path.join(root, folder), {recursive: true, encoding: 'utf8'})
		.filter(file => file.endsWith('.ts'))
		.map(file => path.join(folder, file)),
);

/** The text of a command's examples, below its options. */
function helpOf(command: Command): string {
	let text = '';
	command.configureOutput({
		writeOut: part => {
			text += part;
		},
	});
	command.outputHelp();
	return text;
}

/** Placeholders that stand where the program wants one of a list. */
const stands: Readonly<Record<string, string>> = {NAME: 'mnist', X: 'mnist', SUBCOMMAND: 'run'};

const lacksArgument = (error: CommanderError) =>
	['commander.missingArgument', 'commander.optionMissingArgument', 'commander.help'].includes(error.code);

/** What is wrong with a line, as the program itself sees it; nothing is carried out. */
async function fault({words: written, whole}: CommandLine): Promise<string | undefined> {
	const program = await createProgram();
	for (const command of everyCommand(program)) {
		command.configureOutput({writeOut: () => {}, writeErr: () => {}});
		if (command.commands.length === 0) {
			command.action(() => {});
		}
	}
	const words = written.map(word => stands[word] ?? word);
	const [first] = words;
	// «fpl broker: listening on …» is output, `fpl <args>` is no command line.
	if (first === undefined || /[:<]/u.test(first)) {
		return undefined;
	}
	if (!first.startsWith('-') && !program.commands.some(command => command.name() === first)) {
		return `there is no command «${first}»`;
	}
	try {
		program.parse(words, {from: 'user'});
		return undefined;
	} catch (error) {
		if (!(error instanceof CommanderError)) {
			throw error;
		}
		return error.exitCode === 0 || (!whole && lacksArgument(error)) ? undefined : error.message;
	}
}

async function faultsOf(lines: readonly CommandLine[]): Promise<string[]> {
	const faults: string[] = [];
	for (const line of lines) {
		const found = await fault(line);
		if (found !== undefined) {
			faults.push(`${line.where}: ${line.text.trim()}: ${found}`);
		}
	}
	return faults;
}

test('the check itself finds unknown commands, unknown flags, missing and superfluous arguments', async t => {
	const found = (text: string) => faultsOf(documentedCommands('page', `\`\`\`\n${text}\n\`\`\`\n`));
	t.deepEqual(await found('fpl report RUN --format csv > a.csv  # a table'), []);
	t.regex((await found('fpl bake cake'))[0]!, /page:2.*no command «bake»/u);
	t.regex((await found('fpl run job.yaml --colour red'))[0]!, /unknown option/u);
	t.regex((await found('fpl export RUN'))[0]!, /missing required argument/u);
	t.regex((await found('fpl data get nothing'))[0]!, /Allowed choices/u);
	t.regex((await found('fpl run a b'))[0]!, /too many arguments/u);
	t.deepEqual(await faultsOf(mentionedCommands('text', 'see `fpl export`, or «fpl run --resume»')), []);
	t.is((await faultsOf(mentionedCommands('text', 'see `fpl exprot`, or «fpl run --resmue X»'))).length, 2);
});

test('every command line in the pages is one that the program takes', async t => {
	const lines = pages.flatMap(({file, text}) => documentedCommands(file, text));
	t.true(lines.length > 30, `${lines.length}`);
	t.deepEqual(await faultsOf(lines), []);
});

test('every command line in the help texts and in the errors is one that the program takes', async t => {
	const examples = everyCommand(await createProgram()).flatMap(command =>
		documentedCommands(command.name(), `\`\`\`\n${helpOf(command)}\n\`\`\``),
	);
	t.true(examples.length > 15, `${examples.length}`);
	const told = sources.flatMap(file => mentionedCommands(file, readFileSync(path.join(root, file), 'utf8')));
	t.deepEqual(await faultsOf([...examples, ...told]), []);
});

test('every job, every plan and every profile of a model in the pages is one that is taken', t => {
	let [jobs, plans, profiles] = [0, 0, 0];
	for (const {file, text} of pages) {
		for (const block of codeBlocks(text, 'yaml').filter(({text: yaml}) => /^model:/mu.test(yaml))) {
			const document = parseConfigText(block.text, `${file}:${block.line}`);
			if (/^stages:/mu.test(block.text)) {
				plans += 1;
				t.notThrows(() => checkPlan(readConfig(planSchema, {document, code: 'PLAN_INVALID'})));
			} else if (/^units:/mu.test(block.text)) {
				profiles += 1;
				t.notThrows(() => readUnitTimes(document));
			} else {
				jobs += 1;
				t.notThrows(() => readConfig(jobSchema, {document, code: 'JOB_INVALID'}));
			}
		}
	}
	t.true(jobs >= 2 && plans >= 1 && profiles >= 1, `${jobs} jobs, ${plans} plans, ${profiles} profiles`);
});

test('every fleet in the page on profiles is one that is taken, with the warnings that it tells of', t => {
	const page = pages.find(({file}) => file === 'docs/profiles.md')!;
	const fleets = codeBlocks(page.text, 'yaml').filter(({text}) => /^devices:/mu.test(text));
	t.true(fleets.length > 0);
	for (const {line, text} of fleets) {
		const {warnings} = readFleet(parseConfigText(text, `docs/profiles.md:${line}`));
		t.true(
			warnings.every(warning => page.text.includes(warning)),
			warnings.join('\n'),
		);
	}
});

/** Command lines that change nothing and need nothing: they are carried out. */
const harmless = [/^data( list)?$/u, /^doctor$/u, /^agent probe --format json$/u, /^profile mlp .*--seconds 1/u];

test.serial('the documented command lines that change nothing do what they should', async t => {
	const folder = await temporaryFolder(t);
	const lines = [
		...pages.flatMap(({file, text}) => documentedCommands(file, text)),
		...everyCommand(await createProgram()).flatMap(command =>
			documentedCommands(command.name(), `\`\`\`\n${helpOf(command)}\n\`\`\``),
		),
	].map(({words}) => words.join(' '));
	const chosen = [...new Set(lines)].filter(line => harmless.some(pattern => pattern.test(line)));
	t.true(chosen.length >= 4, chosen.join(', '));
	for (const line of chosen) {
		const {status, stdout, stderr} = await fpl(t, folder, ...line.split(' ')).finished;
		t.is(status, 0, `${line}: ${stderr}`);
		t.true(stdout.length > 100, line);
		if (line.endsWith('json')) {
			t.notThrows(() => JSON.parse(stdout), line);
		}
	}
});
