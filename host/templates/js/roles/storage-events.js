// Hears of what happened.
import { write } from "wharf:plugin/logging@1.0.0";

export const storageEvents = {
  subscribe() {
    return ["upload"];
  },

  // The same event may come again, with the same id.
  deliver(batch) {
    for (const event of batch) {
      write("info", "stored", [["id", event.id], ["path", event.path ?? ""]]);
    }
  },
};
