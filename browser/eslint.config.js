import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["dist/", "node_modules/"] },
  js.configs.recommended,
  { files: ["src/**"], languageOptions: { globals: { ...globals.browser, ...globals.worker } } },
  { files: ["build.js"], languageOptions: { globals: globals.node } },
  { rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", curly: ["error", "multi-line"] } },
];
