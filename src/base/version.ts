// The version of this program, said in one place; a test holds it to package.json.
export const VERSION = "0.1.0";
export const API_VERSION = "v1";
