/** Which module of the original program a node comes from, as far as its name tells. */

export interface Scope {
	readonly exporter: 'script' | 'dynamo';
	/** PyTorch's path: `encoder.layers.0.linear1`. */
	readonly module: string;
}

/**
 * TorchScript names nodes by path, `/block1/down/down.0/Conv`, where a path may repeat what is before it; for dynamo see
 * `read.ts`: `block1.down.0/node_conv2d_3`.
 */
export function scopeOf(node: string): Scope | undefined {
	const parts = node.split('/');
	if (parts.length < 2) {
		return undefined;
	}
	if (parts[0] !== '') {
		return {exporter: 'dynamo', module: parts[0]!};
	}
	const path = parts.slice(1, -1);
	const own = path.filter((part, index) => path[index + 1]?.startsWith(`${part}.`) !== true);
	return own.length === 0 ? undefined : {exporter: 'script', module: own.join('.')};
}
