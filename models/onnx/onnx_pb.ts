// Generated from models/onnx/onnx.proto by scripts/generate-proto.mjs. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated
// biome-ignore-all assist: generated
import type {INamespace} from 'protobufjs';

/** A 64-bit integer: decoders make the object, encoders take either. */
export type Int64 = number | {low: number; high: number; unsigned: boolean};

export interface AttributeProto {
	name?: string;
	f?: number;
	i?: Int64;
	s?: Uint8Array;
	t?: TensorProto;
	g?: Uint8Array;
	floats?: number[];
	ints?: Int64[];
	strings?: Uint8Array[];
	type?: number;
	refAttrName?: string;
}

export const AttributeProtoAttributeType = {
	UNDEFINED: 0,
	FLOAT: 1,
	INT: 2,
	STRING: 3,
	TENSOR: 4,
	GRAPH: 5,
	FLOATS: 6,
	INTS: 7,
	STRINGS: 8,
	TENSORS: 9,
	GRAPHS: 10,
	SPARSE_TENSOR: 11,
	SPARSE_TENSORS: 12,
	TYPE_PROTO: 13,
	TYPE_PROTOS: 14,
} as const;

export interface ValueInfoProto {
	name?: string;
	type?: TypeProto;
}

export interface NodeProto {
	input?: string[];
	output?: string[];
	name?: string;
	opType?: string;
	attribute?: AttributeProto[];
	domain?: string;
	overload?: string;
	metadataProps?: StringStringEntryProto[];
}

export interface ModelProto {
	irVersion?: Int64;
	producerName?: string;
	producerVersion?: string;
	graph?: GraphProto;
	opsetImport?: OperatorSetIdProto[];
	metadataProps?: StringStringEntryProto[];
	functions?: FunctionProto[];
}

export interface StringStringEntryProto {
	key?: string;
	value?: string;
}

export interface GraphProto {
	node?: NodeProto[];
	name?: string;
	initializer?: TensorProto[];
	input?: ValueInfoProto[];
	output?: ValueInfoProto[];
	valueInfo?: ValueInfoProto[];
	sparseInitializer?: Uint8Array[];
}

export interface TensorProto {
	dims?: Int64[];
	dataType?: number;
	segment?: TensorProtoSegment;
	floatData?: number[];
	int32Data?: number[];
	stringData?: Uint8Array[];
	int64Data?: Int64[];
	name?: string;
	rawData?: Uint8Array;
	doubleData?: number[];
	uint64Data?: Int64[];
	externalData?: StringStringEntryProto[];
	dataLocation?: number;
}

export const TensorProtoDataType = {
	UNDEFINED: 0,
	FLOAT: 1,
	UINT8: 2,
	INT8: 3,
	UINT16: 4,
	INT16: 5,
	INT32: 6,
	INT64: 7,
	STRING: 8,
	BOOL: 9,
	FLOAT16: 10,
	DOUBLE: 11,
	UINT32: 12,
	UINT64: 13,
	COMPLEX64: 14,
	COMPLEX128: 15,
	BFLOAT16: 16,
} as const;

export const TensorProtoDataLocation = {
	DEFAULT: 0,
	EXTERNAL: 1,
} as const;

export interface TensorProtoSegment {
	begin?: Int64;
	end?: Int64;
}

export interface TensorShapeProto {
	dim?: TensorShapeProtoDimension[];
}

export interface TensorShapeProtoDimension {
	dimValue?: Int64;
	dimParam?: string;
}

export interface TypeProto {
	tensorType?: TypeProtoTensor;
	sequenceType?: Uint8Array;
	mapType?: Uint8Array;
	opaqueType?: Uint8Array;
	sparseTensorType?: Uint8Array;
	optionalType?: Uint8Array;
}

export interface TypeProtoTensor {
	elemType?: number;
	shape?: TensorShapeProto;
}

export interface OperatorSetIdProto {
	domain?: string;
	version?: Int64;
}

export interface FunctionProto {
	name?: string;
	input?: string[];
	output?: string[];
	attribute?: string[];
	node?: NodeProto[];
	opsetImport?: OperatorSetIdProto[];
	domain?: string;
	attributeProto?: AttributeProto[];
	overload?: string;
}

export const descriptor: INamespace = {
	"nested": {
		"onnx": {
			"nested": {
				"AttributeProto": {
					"edition": "proto2",
					"fields": {
						"name": {
							"type": "string",
							"id": 1
						},
						"f": {
							"type": "float",
							"id": 2
						},
						"i": {
							"type": "int64",
							"id": 3
						},
						"s": {
							"type": "bytes",
							"id": 4
						},
						"t": {
							"type": "TensorProto",
							"id": 5
						},
						"g": {
							"type": "bytes",
							"id": 6
						},
						"floats": {
							"rule": "repeated",
							"type": "float",
							"id": 7
						},
						"ints": {
							"rule": "repeated",
							"type": "int64",
							"id": 8
						},
						"strings": {
							"rule": "repeated",
							"type": "bytes",
							"id": 9
						},
						"type": {
							"type": "int32",
							"id": 20
						},
						"refAttrName": {
							"type": "string",
							"id": 21
						}
					},
					"nested": {
						"AttributeType": {
							"values": {
								"UNDEFINED": 0,
								"FLOAT": 1,
								"INT": 2,
								"STRING": 3,
								"TENSOR": 4,
								"GRAPH": 5,
								"FLOATS": 6,
								"INTS": 7,
								"STRINGS": 8,
								"TENSORS": 9,
								"GRAPHS": 10,
								"SPARSE_TENSOR": 11,
								"SPARSE_TENSORS": 12,
								"TYPE_PROTO": 13,
								"TYPE_PROTOS": 14
							}
						}
					}
				},
				"ValueInfoProto": {
					"edition": "proto2",
					"fields": {
						"name": {
							"type": "string",
							"id": 1
						},
						"type": {
							"type": "TypeProto",
							"id": 2
						}
					}
				},
				"NodeProto": {
					"edition": "proto2",
					"fields": {
						"input": {
							"rule": "repeated",
							"type": "string",
							"id": 1
						},
						"output": {
							"rule": "repeated",
							"type": "string",
							"id": 2
						},
						"name": {
							"type": "string",
							"id": 3
						},
						"opType": {
							"type": "string",
							"id": 4
						},
						"attribute": {
							"rule": "repeated",
							"type": "AttributeProto",
							"id": 5
						},
						"domain": {
							"type": "string",
							"id": 7
						},
						"overload": {
							"type": "string",
							"id": 8
						},
						"metadataProps": {
							"rule": "repeated",
							"type": "StringStringEntryProto",
							"id": 9
						}
					}
				},
				"ModelProto": {
					"edition": "proto2",
					"fields": {
						"irVersion": {
							"type": "int64",
							"id": 1
						},
						"producerName": {
							"type": "string",
							"id": 2
						},
						"producerVersion": {
							"type": "string",
							"id": 3
						},
						"graph": {
							"type": "GraphProto",
							"id": 7
						},
						"opsetImport": {
							"rule": "repeated",
							"type": "OperatorSetIdProto",
							"id": 8
						},
						"metadataProps": {
							"rule": "repeated",
							"type": "StringStringEntryProto",
							"id": 14
						},
						"functions": {
							"rule": "repeated",
							"type": "FunctionProto",
							"id": 25
						}
					}
				},
				"StringStringEntryProto": {
					"edition": "proto2",
					"fields": {
						"key": {
							"type": "string",
							"id": 1
						},
						"value": {
							"type": "string",
							"id": 2
						}
					}
				},
				"GraphProto": {
					"edition": "proto2",
					"fields": {
						"node": {
							"rule": "repeated",
							"type": "NodeProto",
							"id": 1
						},
						"name": {
							"type": "string",
							"id": 2
						},
						"initializer": {
							"rule": "repeated",
							"type": "TensorProto",
							"id": 5
						},
						"input": {
							"rule": "repeated",
							"type": "ValueInfoProto",
							"id": 11
						},
						"output": {
							"rule": "repeated",
							"type": "ValueInfoProto",
							"id": 12
						},
						"valueInfo": {
							"rule": "repeated",
							"type": "ValueInfoProto",
							"id": 13
						},
						"sparseInitializer": {
							"rule": "repeated",
							"type": "bytes",
							"id": 15
						}
					}
				},
				"TensorProto": {
					"edition": "proto2",
					"fields": {
						"dims": {
							"rule": "repeated",
							"type": "int64",
							"id": 1
						},
						"dataType": {
							"type": "int32",
							"id": 2
						},
						"segment": {
							"type": "Segment",
							"id": 3
						},
						"floatData": {
							"rule": "repeated",
							"type": "float",
							"id": 4,
							"options": {
								"packed": true
							}
						},
						"int32Data": {
							"rule": "repeated",
							"type": "int32",
							"id": 5,
							"options": {
								"packed": true
							}
						},
						"stringData": {
							"rule": "repeated",
							"type": "bytes",
							"id": 6
						},
						"int64Data": {
							"rule": "repeated",
							"type": "int64",
							"id": 7,
							"options": {
								"packed": true
							}
						},
						"name": {
							"type": "string",
							"id": 8
						},
						"rawData": {
							"type": "bytes",
							"id": 9
						},
						"doubleData": {
							"rule": "repeated",
							"type": "double",
							"id": 10,
							"options": {
								"packed": true
							}
						},
						"uint64Data": {
							"rule": "repeated",
							"type": "uint64",
							"id": 11,
							"options": {
								"packed": true
							}
						},
						"externalData": {
							"rule": "repeated",
							"type": "StringStringEntryProto",
							"id": 13
						},
						"dataLocation": {
							"type": "int32",
							"id": 14
						}
					},
					"nested": {
						"DataType": {
							"values": {
								"UNDEFINED": 0,
								"FLOAT": 1,
								"UINT8": 2,
								"INT8": 3,
								"UINT16": 4,
								"INT16": 5,
								"INT32": 6,
								"INT64": 7,
								"STRING": 8,
								"BOOL": 9,
								"FLOAT16": 10,
								"DOUBLE": 11,
								"UINT32": 12,
								"UINT64": 13,
								"COMPLEX64": 14,
								"COMPLEX128": 15,
								"BFLOAT16": 16
							}
						},
						"DataLocation": {
							"values": {
								"DEFAULT": 0,
								"EXTERNAL": 1
							}
						},
						"Segment": {
							"fields": {
								"begin": {
									"type": "int64",
									"id": 1
								},
								"end": {
									"type": "int64",
									"id": 2
								}
							}
						}
					}
				},
				"TensorShapeProto": {
					"edition": "proto2",
					"fields": {
						"dim": {
							"rule": "repeated",
							"type": "Dimension",
							"id": 1
						}
					},
					"nested": {
						"Dimension": {
							"fields": {
								"dimValue": {
									"type": "int64",
									"id": 1
								},
								"dimParam": {
									"type": "string",
									"id": 2
								}
							}
						}
					}
				},
				"TypeProto": {
					"edition": "proto2",
					"fields": {
						"tensorType": {
							"type": "Tensor",
							"id": 1
						},
						"sequenceType": {
							"type": "bytes",
							"id": 4
						},
						"mapType": {
							"type": "bytes",
							"id": 5
						},
						"opaqueType": {
							"type": "bytes",
							"id": 7
						},
						"sparseTensorType": {
							"type": "bytes",
							"id": 8
						},
						"optionalType": {
							"type": "bytes",
							"id": 9
						}
					},
					"nested": {
						"Tensor": {
							"fields": {
								"elemType": {
									"type": "int32",
									"id": 1
								},
								"shape": {
									"type": "TensorShapeProto",
									"id": 2
								}
							}
						}
					}
				},
				"OperatorSetIdProto": {
					"edition": "proto2",
					"fields": {
						"domain": {
							"type": "string",
							"id": 1
						},
						"version": {
							"type": "int64",
							"id": 2
						}
					}
				},
				"FunctionProto": {
					"edition": "proto2",
					"fields": {
						"name": {
							"type": "string",
							"id": 1
						},
						"input": {
							"rule": "repeated",
							"type": "string",
							"id": 4
						},
						"output": {
							"rule": "repeated",
							"type": "string",
							"id": 5
						},
						"attribute": {
							"rule": "repeated",
							"type": "string",
							"id": 6
						},
						"node": {
							"rule": "repeated",
							"type": "NodeProto",
							"id": 7
						},
						"opsetImport": {
							"rule": "repeated",
							"type": "OperatorSetIdProto",
							"id": 9
						},
						"domain": {
							"type": "string",
							"id": 10
						},
						"attributeProto": {
							"rule": "repeated",
							"type": "AttributeProto",
							"id": 11
						},
						"overload": {
							"type": "string",
							"id": 13
						}
					}
				}
			}
		}
	}
};
