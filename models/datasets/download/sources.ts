/** Where datasets are published, and what their files must be. */

export interface SourceFile {
	/** Name in the dataset's folder. */
	readonly name: string;
	readonly address: string;
	/** Exact length in bytes. */
	readonly bytes: number;
	/** Hexadecimal. */
	readonly sha256: string;
}

export interface Source {
	readonly files: readonly SourceFile[];
	/**
	 * Where the one file is a gzipped tar: the folder in which these of its files end up, and their lengths. The archive
	 * itself is not kept.
	 */
	readonly unpack?: {readonly folder: string; readonly files: Readonly<Record<string, number>>};
}

export const downloadNames = ['mnist', 'fashion-mnist', 'cifar10'] as const;
export type DownloadName = (typeof downloadNames)[number];
export type Sources = Readonly<Record<DownloadName, Source>>;

const idx = (base: string, rows: readonly (readonly [name: string, bytes: number, sha256: string])[]): Source => ({
	files: rows.map(([name, bytes, sha256]) => ({name, address: `${base}${name}`, bytes, sha256})),
});

const cifarBatch = 10_000 * (1 + 3 * 32 * 32);

/**
 * The official addresses. Lengths and SHA-256 are those published for the same files in several independent places
 * (docs/data.md names them).
 */
export const officialSources: Sources = {
	mnist: idx('https://ossci-datasets.s3.amazonaws.com/mnist/', [
		['train-images-idx3-ubyte.gz', 9_912_422, '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609'],
		['train-labels-idx1-ubyte.gz', 28_881, '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c'],
		['t10k-images-idx3-ubyte.gz', 1_648_877, '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6'],
		['t10k-labels-idx1-ubyte.gz', 4542, 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'],
	]),
	'fashion-mnist': idx('http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/', [
		['train-images-idx3-ubyte.gz', 26_421_880, '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84'],
		['train-labels-idx1-ubyte.gz', 29_515, 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845'],
		['t10k-images-idx3-ubyte.gz', 4_422_102, '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073'],
		['t10k-labels-idx1-ubyte.gz', 5148, '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'],
	]),
	cifar10: {
		files: [
			{
				name: 'cifar-10-binary.tar.gz',
				address: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
				bytes: 170_052_171,
				sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
			},
		],
		unpack: {
			folder: 'cifar-10-batches-bin',
			files: {
				'data_batch_1.bin': cifarBatch,
				'data_batch_2.bin': cifarBatch,
				'data_batch_3.bin': cifarBatch,
				'data_batch_4.bin': cifarBatch,
				'data_batch_5.bin': cifarBatch,
				'test_batch.bin': cifarBatch,
			},
		},
	},
};
