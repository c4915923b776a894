// A checkpoint thread that dies of what it is asked.
declare const self: Worker;

self.onmessage = () => {
  throw new Error("the thread dies");
};

export {};
