import test from 'ava';
import {analyse} from '../../../models/infer.js';
import {dtypeOf} from '../../../models/onnx/dtypes.js';
import {TensorProtoDataType} from '../../../models/onnx/onnx_pb.js';
import {readModel} from '../../../models/onnx/read.js';
import {specialise} from '../../../models/specialise.js';
import {fixtureFile, fixtureNames, loadFixture} from '../fixtures.js';

test('there are fixtures of both exporters', t => {
	t.true(fixtureNames.filter(name => name.includes('script')).length >= 10);
	t.true(fixtureNames.filter(name => name.includes('dynamo')).length >= 10);
});

for (const name of fixtureNames) {
	test(`${name}: inferred types agree with onnx.shape_inference`, t => {
		const {graph, producer} = readModel(fixtureFile(name));
		const {shapes, opset} = loadFixture(name);
		t.regex(producer, /^pytorch 2/u);
		t.is(graph.opsets[''], opset);
		const batch = name.endsWith('fixed') ? 1 : 2;
		const sizes = Object.fromEntries(
			graph.inputs.flatMap(({shape}) => (typeof shape?.[0] === 'string' ? [[shape[0], batch]] : [])),
		);
		const inputs = graph.inputs.map(input => ({...input, shape: input.shape?.map(dim => sizes[dim] ?? dim)}));
		const {types} = analyse({...graph, inputs, values: new Map()});
		let compared = 0;
		for (const [value, [type, dims]] of Object.entries(shapes)) {
			const info = types.get(value);
			t.is(info?.dtype, dtypeOf(TensorProtoDataType[type as 'FLOAT'], value), value);
			if (dims?.every(dim => dim !== null)) {
				t.deepEqual(info?.shape, dims, value);
				compared++;
			}
		}
		t.true(compared >= graph.nodes.length / 2, `only ${compared} of ${graph.nodes.length} shapes could be compared`);
		t.notThrows(() => specialise(graph, sizes));
	});
}
