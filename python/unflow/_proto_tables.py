# SPDX-License-Identifier: Apache-2.0
"""The messages of TensorFlow's files as tables: what _proto.py makes classes of.

MESSAGES has NAME | FIELD:TYPE=NUMBER ...; TYPE* is repeated (numbers packed), {KEY,VALUE} a map,
@NAME behind it the oneof that it is in. ENUMS has NAME | MEMBER=NUMBER ... A line that begins
with blanks goes on with the one before. Names are those of the package `tensorflow`, but for those
of `google.protobuf`; fields and numbers are TensorFlow 2.21's.
"""

MESSAGES = """
AssetFileDef | tensor_info:TensorInfo=1 filename:string=2
AttrValue | list:AttrValue.ListValue=1@value s:bytes=2@value i:int64=3@value f:float=4@value
  b:bool=5@value type:DataType=6@value shape:TensorShapeProto=7@value tensor:TensorProto=8@value
  placeholder:string=9@value func:NameAttrList=10@value
AttrValue.ListValue | s:bytes*=2 i:int64*=3 f:float*=4 b:bool*=5 type:DataType*=6
  shape:TensorShapeProto*=7 tensor:TensorProto*=8 func:NameAttrList*=9
BoundedTensorSpecProto | name:string=1 shape:TensorShapeProto=2 dtype:DataType=3
  minimum:TensorProto=4 maximum:TensorProto=5
BytesList | value:bytes*=1
CapturedTensor | name:string=1 concrete_function:string=2
CheckpointState | model_checkpoint_path:string=1 all_model_checkpoint_paths:string*=2
  all_model_checkpoint_timestamps:double*=3 last_preserved_timestamp:double=4
CollectionDef | node_list:CollectionDef.NodeList=1@kind bytes_list:CollectionDef.BytesList=2@kind
  int64_list:CollectionDef.Int64List=3@kind float_list:CollectionDef.FloatList=4@kind
  any_list:CollectionDef.AnyList=5@kind
CollectionDef.AnyList | value:google.protobuf.Any*=1
CollectionDef.BytesList | value:bytes*=1
CollectionDef.FloatList | value:float*=1
CollectionDef.Int64List | value:int64*=1
CollectionDef.NodeList | value:string*=1
CondContextDef | context_name:string=1 pred_name:string=2 pivot_name:string=3 branch:int32=4
  values_def:ValuesDef=5 nested_contexts:ControlFlowContextDef*=6
ControlFlowContextDef | cond_ctxt:CondContextDef=1@ctxt while_ctxt:WhileContextDef=2@ctxt
DictValue | fields:{string,StructuredValue}=1
Example | features:Features=1
Feature | bytes_list:BytesList=1@kind float_list:FloatList=2@kind int64_list:Int64List=3@kind
FeatureList | feature:Feature*=1
FeatureLists | feature_list:{string,FeatureList}=1
Features | feature:{string,Feature}=1
FingerprintDef | saved_model_checksum:uint64=1 graph_def_program_hash:uint64=2
  signature_def_hash:uint64=3 saved_object_graph_hash:uint64=4 checkpoint_hash:uint64=5
  version:VersionDef=6 uuid:string=7
FloatList | value:float*=1
FullTypeDef | type_id:FullTypeId=1 args:FullTypeDef*=2 s:string=3@attr i:int64=4@attr
FunctionDef | signature:OpDef=1 node_def:NodeDef*=3 ret:{string,string}=4
  attr:{string,AttrValue}=5 control_ret:{string,string}=6 arg_attr:{uint32,FunctionDef.ArgAttrs}=7
  resource_arg_unique_id:{uint32,uint32}=8
FunctionDef.ArgAttrs | attr:{string,AttrValue}=1
FunctionDefLibrary | function:FunctionDef*=1 gradient:GradientDef*=2
  registered_gradients:RegisteredGradient*=3
FunctionSpec | fullargspec:StructuredValue=1 is_method:bool=2 input_signature:StructuredValue=5
  jit_compile:FunctionSpec.JitCompile=6
GradientDef | function_name:string=1 gradient_func:string=2
GraphDebugInfo | files:string*=1 traces:{string,GraphDebugInfo.StackTrace}=2
  frames_by_id:{fixed64,GraphDebugInfo.FileLineCol}=4 name_to_trace_id:{string,fixed64}=5
  traces_by_id:{fixed64,GraphDebugInfo.StackTrace}=6
GraphDebugInfo.FileLineCol | file_index:int32=1 line:int32=2 col:int32=3 func:string=4
  code:string=5
GraphDebugInfo.StackTrace | file_line_cols:GraphDebugInfo.FileLineCol*=1 frame_id:fixed64*=2
GraphDef | node:NodeDef*=1 library:FunctionDefLibrary=2 version:int32=3 versions:VersionDef=4
  debug_info:GraphDebugInfo=5
Int64List | value:int64*=1
ListValue | values:StructuredValue*=1
MetaGraphDef | meta_info_def:MetaGraphDef.MetaInfoDef=1 graph_def:GraphDef=2 saver_def:SaverDef=3
  collection_def:{string,CollectionDef}=4 signature_def:{string,SignatureDef}=5
  asset_file_def:AssetFileDef*=6 object_graph_def:SavedObjectGraph=7
MetaGraphDef.MetaInfoDef | meta_graph_version:string=1 stripped_op_list:OpList=2
  any_info:google.protobuf.Any=3 tags:string*=4 tensorflow_version:string=5
  tensorflow_git_version:string=6 stripped_default_attrs:bool=7 function_aliases:{string,string}=8
NameAttrList | name:string=1 attr:{string,AttrValue}=2
NamedTupleValue | name:string=1 values:PairValue*=2
NodeDef | name:string=1 op:string=2 input:string*=3 device:string=4 attr:{string,AttrValue}=5
  experimental_debug_info:NodeDef.ExperimentalDebugInfo=6 experimental_type:FullTypeDef=7
NodeDef.ExperimentalDebugInfo | original_node_names:string*=1 original_func_names:string*=2
NoneValue |
OpDef | name:string=1 input_arg:OpDef.ArgDef*=2 output_arg:OpDef.ArgDef*=3 attr:OpDef.AttrDef*=4
  summary:string=5 description:string=6 deprecation:OpDeprecation=8 is_aggregate:bool=16
  is_stateful:bool=17 is_commutative:bool=18 allows_uninitialized_input:bool=19
  control_output:string*=20 is_distributed_communication:bool=21
OpDef.ArgDef | name:string=1 description:string=2 type:DataType=3 type_attr:string=4
  number_attr:string=5 type_list_attr:string=6 handle_data:ResourceHandleProto.DtypeAndShape*=7
  is_ref:bool=16 experimental_full_type:FullTypeDef=17
OpDef.AttrDef | name:string=1 type:string=2 default_value:AttrValue=3 description:string=4
  has_minimum:bool=5 minimum:int64=6 allowed_values:AttrValue=7
OpDeprecation | version:int32=1 explanation:string=2
OpList | op:OpDef*=1
PairValue | key:string=1 value:StructuredValue=2
RegisteredGradient | gradient_func:string=1 registered_op_type:string=2
RegisteredSaver | name:string=1 object_name:string=2
ResourceHandleProto | device:string=1 container:string=2 name:string=3 hash_code:uint64=4
  maybe_type_name:string=5 dtypes_and_shapes:ResourceHandleProto.DtypeAndShape*=6
ResourceHandleProto.DtypeAndShape | dtype:DataType=1 shape:TensorShapeProto=2
SaveSliceInfoDef | full_name:string=1 full_shape:int64*=2 var_offset:int64*=3 var_shape:int64*=4
SaveableObject | save_function:int32=2 restore_function:int32=3
SavedAsset | asset_file_def_index:int32=1
SavedBareConcreteFunction | concrete_function_name:string=1 argument_keywords:string*=2
  allowed_positional_arguments:int64=3 function_spec:FunctionSpec=4
SavedConcreteFunction | bound_inputs:int32*=2 canonicalized_input_signature:StructuredValue=3
  output_signature:StructuredValue=4
SavedConstant | operation:string=1
SavedFunction | concrete_functions:string*=1 function_spec:FunctionSpec=2
SavedModel | saved_model_schema_version:int64=1 meta_graphs:MetaGraphDef*=2
SavedObject | children:TrackableObjectGraph.TrackableObject.ObjectReference*=1
  slot_variables:TrackableObjectGraph.TrackableObject.SlotVariableReference*=3
  user_object:SavedUserObject=4@kind asset:SavedAsset=5@kind function:SavedFunction=6@kind
  variable:SavedVariable=7@kind bare_concrete_function:SavedBareConcreteFunction=8@kind
  constant:SavedConstant=9@kind resource:SavedResource=10@kind
  saveable_objects:{string,SaveableObject}=11 captured_tensor:CapturedTensor=12@kind
  registered_name:string=13 serialized_user_proto:google.protobuf.Any=14
  dependencies:TrackableObjectGraph.TrackableObject.ObjectReference*=15 registered_saver:string=16
SavedObjectGraph | nodes:SavedObject*=1 concrete_functions:{string,SavedConcreteFunction}=2
SavedResource | device:string=1
SavedUserObject | identifier:string=1 version:VersionDef=2 metadata:string=3
SavedVariable | dtype:DataType=1 shape:TensorShapeProto=2 trainable:bool=3
  synchronization:VariableSynchronization=4 aggregation:VariableAggregation=5 name:string=6
  device:string=7 experimental_distributed_variable_components:SavedVariable*=8
SaverDef | filename_tensor_name:string=1 save_tensor_name:string=2 restore_op_name:string=3
  max_to_keep:int32=4 sharded:bool=5 keep_checkpoint_every_n_hours:float=6
  version:SaverDef.CheckpointFormatVersion=7
SequenceExample | context:Features=1 feature_lists:FeatureLists=2
SignatureDef | inputs:{string,TensorInfo}=1 outputs:{string,TensorInfo}=2 method_name:string=3
  defaults:{string,TensorProto}=4
StructuredValue | none_value:NoneValue=1@kind float64_value:double=11@kind
  int64_value:sint64=12@kind string_value:string=13@kind bool_value:bool=14@kind
  tensor_shape_value:TensorShapeProto=31@kind tensor_dtype_value:DataType=32@kind
  tensor_spec_value:TensorSpecProto=33@kind type_spec_value:TypeSpecProto=34@kind
  bounded_tensor_spec_value:BoundedTensorSpecProto=35@kind list_value:ListValue=51@kind
  tuple_value:TupleValue=52@kind dict_value:DictValue=53@kind
  named_tuple_value:NamedTupleValue=54@kind tensor_value:TensorProto=55@kind
  numpy_value:TensorProto=56@kind
TensorInfo | name:string=1@encoding dtype:DataType=2 tensor_shape:TensorShapeProto=3
  coo_sparse:TensorInfo.CooSparse=4@encoding
  composite_tensor:TensorInfo.CompositeTensor=5@encoding
TensorInfo.CompositeTensor | type_spec:TypeSpecProto=1 components:TensorInfo*=2
TensorInfo.CooSparse | values_tensor_name:string=1 indices_tensor_name:string=2
  dense_shape_tensor_name:string=3
TensorProto | dtype:DataType=1 tensor_shape:TensorShapeProto=2 version_number:int32=3
  tensor_content:bytes=4 float_val:float*=5 double_val:double*=6 int_val:int32*=7
  string_val:bytes*=8 scomplex_val:float*=9 int64_val:int64*=10 bool_val:bool*=11
  dcomplex_val:double*=12 half_val:int32*=13 resource_handle_val:ResourceHandleProto*=14
  variant_val:VariantTensorDataProto*=15 uint32_val:uint32*=16 uint64_val:uint64*=17
  float8_val:bytes=18
TensorShapeProto | dim:TensorShapeProto.Dim*=2 unknown_rank:bool=3
TensorShapeProto.Dim | size:int64=1 name:string=2
TensorSpecProto | name:string=1 shape:TensorShapeProto=2 dtype:DataType=3
TrackableObjectGraph | nodes:TrackableObjectGraph.TrackableObject*=1
TrackableObjectGraph.TrackableObject |
  children:TrackableObjectGraph.TrackableObject.ObjectReference*=1
  attributes:TrackableObjectGraph.TrackableObject.SerializedTensor*=2
  slot_variables:TrackableObjectGraph.TrackableObject.SlotVariableReference*=3
  registered_saver:RegisteredSaver=4 has_checkpoint_values:google.protobuf.BoolValue=5
TrackableObjectGraph.TrackableObject.ObjectReference | node_id:int32=1 local_name:string=2
TrackableObjectGraph.TrackableObject.SerializedTensor | name:string=1 full_name:string=2
  checkpoint_key:string=3
TrackableObjectGraph.TrackableObject.SlotVariableReference | original_variable_node_id:int32=1
  slot_name:string=2 slot_variable_node_id:int32=3
TupleValue | values:StructuredValue*=1
TypeSpecProto | type_spec_class:TypeSpecProto.TypeSpecClass=1 type_state:StructuredValue=2
  type_spec_class_name:string=3 num_flat_components:int32=4
ValuesDef | values:string*=1 external_values:{string,string}=2
VariableDef | variable_name:string=1 initializer_name:string=2 snapshot_name:string=3
  save_slice_info_def:SaveSliceInfoDef=4 is_resource:bool=5 initial_value_name:string=6
  trainable:bool=7 synchronization:VariableSynchronization=8 aggregation:VariableAggregation=9
VariantTensorDataProto | type_name:string=1 metadata:bytes=2 tensors:TensorProto*=3
VersionDef | producer:int32=1 min_consumer:int32=2 bad_consumers:int32*=3
WhileContextDef | context_name:string=1 parallel_iterations:int32=2 back_prop:bool=3
  swap_memory:bool=4 pivot_name:string=5 pivot_for_pred_name:string=6 pivot_for_body_name:string=7
  loop_exit_names:string*=8 values_def:ValuesDef=9 loop_enter_names:string*=10
  maximum_iterations_name:string=11 nested_contexts:ControlFlowContextDef*=12
google.protobuf.Any | type_url:string=1 value:bytes=2
google.protobuf.BoolValue | value:bool=1
"""

ENUMS = """
DataType | DT_INVALID=0 DT_FLOAT=1 DT_DOUBLE=2 DT_INT32=3 DT_UINT8=4 DT_INT16=5 DT_INT8=6
  DT_STRING=7 DT_COMPLEX64=8 DT_INT64=9 DT_BOOL=10 DT_QINT8=11 DT_QUINT8=12 DT_QINT32=13
  DT_BFLOAT16=14 DT_QINT16=15 DT_QUINT16=16 DT_UINT16=17 DT_COMPLEX128=18 DT_HALF=19
  DT_RESOURCE=20 DT_VARIANT=21 DT_UINT32=22 DT_UINT64=23 DT_FLOAT8_E5M2=24 DT_FLOAT8_E4M3FN=25
  DT_FLOAT8_E4M3FNUZ=26 DT_FLOAT8_E4M3B11FNUZ=27 DT_FLOAT8_E5M2FNUZ=28 DT_INT4=29 DT_UINT4=30
  DT_INT2=31 DT_UINT2=32 DT_FLOAT4_E2M1FN=33 DT_FLOAT_REF=101 DT_DOUBLE_REF=102 DT_INT32_REF=103
  DT_UINT8_REF=104 DT_INT16_REF=105 DT_INT8_REF=106 DT_STRING_REF=107 DT_COMPLEX64_REF=108
  DT_INT64_REF=109 DT_BOOL_REF=110 DT_QINT8_REF=111 DT_QUINT8_REF=112 DT_QINT32_REF=113
  DT_BFLOAT16_REF=114 DT_QINT16_REF=115 DT_QUINT16_REF=116 DT_UINT16_REF=117 DT_COMPLEX128_REF=118
  DT_HALF_REF=119 DT_RESOURCE_REF=120 DT_VARIANT_REF=121 DT_UINT32_REF=122 DT_UINT64_REF=123
  DT_FLOAT8_E5M2_REF=124 DT_FLOAT8_E4M3FN_REF=125 DT_FLOAT8_E4M3FNUZ_REF=126
  DT_FLOAT8_E4M3B11FNUZ_REF=127 DT_FLOAT8_E5M2FNUZ_REF=128 DT_INT4_REF=129 DT_UINT4_REF=130
  DT_INT2_REF=131 DT_UINT2_REF=132 DT_FLOAT4_E2M1FN_REF=133
FullTypeId | TFT_UNSET=0 TFT_VAR=1 TFT_ANY=2 TFT_PRODUCT=3 TFT_NAMED=4 TFT_FOR_EACH=20
  TFT_CALLABLE=100 TFT_TENSOR=1000 TFT_ARRAY=1001 TFT_OPTIONAL=1002 TFT_LITERAL=1003
  TFT_ENCODED=1004 TFT_SHAPE_TENSOR=1005 TFT_BOOL=200 TFT_UINT8=201 TFT_UINT16=202 TFT_UINT32=203
  TFT_UINT64=204 TFT_INT8=205 TFT_INT16=206 TFT_INT32=207 TFT_INT64=208 TFT_HALF=209 TFT_FLOAT=210
  TFT_DOUBLE=211 TFT_BFLOAT16=215 TFT_COMPLEX64=212 TFT_COMPLEX128=213 TFT_STRING=214
  TFT_DATASET=10102 TFT_RAGGED=10103 TFT_ITERATOR=10104 TFT_MUTEX_LOCK=10202
  TFT_LEGACY_VARIANT=10203
FunctionSpec.JitCompile | DEFAULT=0 ON=1 OFF=2
SaverDef.CheckpointFormatVersion | LEGACY=0 V1=1 V2=2
TypeSpecProto.TypeSpecClass | UNKNOWN=0 SPARSE_TENSOR_SPEC=1 INDEXED_SLICES_SPEC=2
  RAGGED_TENSOR_SPEC=3 TENSOR_ARRAY_SPEC=4 DATA_DATASET_SPEC=5 DATA_ITERATOR_SPEC=6
  OPTIONAL_SPEC=7 PER_REPLICA_SPEC=8 VARIABLE_SPEC=9 ROW_PARTITION_SPEC=10 REGISTERED_TYPE_SPEC=12
  EXTENSION_TYPE_SPEC=13
VariableAggregation | VARIABLE_AGGREGATION_NONE=0 VARIABLE_AGGREGATION_SUM=1
  VARIABLE_AGGREGATION_MEAN=2 VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA=3
VariableSynchronization | VARIABLE_SYNCHRONIZATION_AUTO=0 VARIABLE_SYNCHRONIZATION_NONE=1
  VARIABLE_SYNCHRONIZATION_ON_WRITE=2 VARIABLE_SYNCHRONIZATION_ON_READ=3
"""
