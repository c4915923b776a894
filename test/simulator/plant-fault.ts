// Loaded into a server's process before its program: plants the fault that the environment names.
import { FAULT_VARIABLE, FAULTS, isFaultName } from "./faults.ts";

const name = process.env[FAULT_VARIABLE] ?? "";
if (isFaultName(name)) FAULTS[name]({ dataDir: process.argv[process.argv.indexOf("--data-dir") + 1] ?? "" });
