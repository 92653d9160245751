/** What is measured: models at batch sizes and thread counts. */
export const models = ['mlp', 'lenet5', 'cnn-small', 'resnet18', 'mobilenetv2', 'tiny-transformer'] as const;
export const batches = [8, 32, 128] as const;
export const threadCounts = [1, 2] as const;

export interface Case {
	readonly model: string;
	/** Items per step. */
	readonly batch: number;
	readonly threads: number;
}

export function casesOf(
	chosen: readonly string[],
	sizes: readonly number[],
	threads: readonly number[],
): readonly Case[] {
	return threads.flatMap(count =>
		chosen.flatMap(model => sizes.map((batch): Case => ({model, batch, threads: count}))),
	);
}
