/** The last steps from emitted nodes to a program: distinct outputs, expansion, clean-up, ports in the graph's order. */
import type {Emitter} from '../autodiff/emitter.js';
import {expandComposites} from '../autodiff/expand.js';
import {easyBroadcasts} from './broadcasts.js';
import type {InputRole, OutputRole, Port, Program} from './program.js';

export interface Result {
	/** A value of the emitter. */
	readonly value: string;
	readonly role: OutputRole;
}

/** The program from these inputs to these results; inputs that nothing reads are left out. */
export function assemble(emitter: Emitter, inputs: readonly Port<InputRole>[], results: readonly Result[]): Program {
	const taken = new Set(inputs.map(({name}) => name));
	emitter.within('fpl/');
	const outputs = results.map(({value, role}): Port<OutputRole> => {
		// An output needs a name of its own: not that of an input, a constant or another output.
		const name = taken.has(value) || emitter.known(value) !== undefined ? emitter.copy(value) : value;
		taken.add(name);
		return {name, ...emitter.type(value), role};
	});
	const graph = easyBroadcasts(
		expandComposites(
			emitter.finish(
				inputs.map(({name}) => name),
				outputs.map(({name}) => name),
			),
		),
	);
	const read = new Set(graph.nodes.flatMap(node => node.inputs));
	const used = inputs.filter(({name}) => read.has(name));
	const names = new Set(used.map(({name}) => name));
	return {graph: {...graph, inputs: graph.inputs.filter(({name}) => names.has(name))}, inputs: used, outputs};
}
