// The name of a registered function or operator; the registry in `registry.ts` is total over it.
export type FunctionName = string & { readonly functionName: unique symbol };
