// Names as people read them.

export const readable = (name) => name.replace(/^(pairs|runs)\//, "");
