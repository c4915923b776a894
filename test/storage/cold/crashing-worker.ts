// A flush worker that dies of its first task.
export {};

declare const self: Worker;

self.onmessage = () => {
  throw new Error("worker died");
};
