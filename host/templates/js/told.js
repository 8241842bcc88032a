// Why a call failed, in the host's log: the host itself only sees that it stopped.
import { write } from "wharf:plugin/logging@1.0.0";

// A role whose functions tell what they throw, unless it is a failure of the contract.
export function told(role) {
  const functions = Object.entries(role).map(([name, member]) => {
    if (!/^class\b/.test(member)) return [name, telling(member)];
    // A resource.
    for (const method of Object.getOwnPropertyNames(member.prototype)) {
      if (method === "constructor") continue;
      member.prototype[method] = telling(member.prototype[method]);
    }
    return [name, member];
  });
  return Object.fromEntries(functions);
}

function telling(called) {
  return function (...values) {
    try {
      return called.apply(this, values);
    } catch (error) {
      // A failure has a tag.
      if (error?.tag === undefined) {
        // The first place that is the plugin's own.
        const places = `${error?.stack}`.split("\n");
        const place = places.find((place) => !place.includes("/initializer.js"));
        write("error", "threw", [["message", String(error)], ["at", place ?? ""]]);
      }
      throw error;
    }
  };
}
