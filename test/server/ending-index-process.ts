// Stands for an index process that the system ends while it waits for its turn.
process.once("message", () => {
  process.send?.({ kind: "done" });
  setTimeout(() => process.exit(3), 0);
});
