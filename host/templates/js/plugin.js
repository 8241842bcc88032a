// {{name}}: its settings are looked at here; each role has a file of its own.
{{wiring}}import { told } from "./told.js";

{{exports}}
export const lifecycle = {
  // What is wrong with the settings: { key, message, fatal }. An operator reads it at load.
  validate() {
    return [];
  },

  // Once per instance. Instances come and go: what must last belongs to the host.
  start() {},
};
