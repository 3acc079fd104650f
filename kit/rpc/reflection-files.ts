import { type DescExtension, type DescFile, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** The files behind a set of contracts, as server reflection is asked for them. */
export interface ReflectionFiles {
  /** Adds a file with everything that it imports. May be repeated. */
  add(file: DescFile): void;
  /** The file of that name. */
  byName(name: string): DescFile | undefined;
  /** The file that declares the service, method, message, enum or extension of that full name. */
  bySymbol(name: string): DescFile | undefined;
  /** Numbers of the known extensions of a message, in order; undefined when the message is not known. */
  extensionsOf(typeName: string): ReadonlyMap<number, DescFile> | undefined;
}

/** Knows nothing at first. */
export function createReflectionFiles(): ReflectionFiles {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();

  function addExtension(extension: DescExtension, file: DescFile): void {
    symbols.set(extension.typeName, file);
    const { typeName } = extension.extendee;
    const known = extensions.get(typeName) ?? new Map<number, DescFile>();
    extensions.set(typeName, known.set(extension.number, file));
  }

  function addMessage(message: DescMessage, file: DescFile): void {
    symbols.set(message.typeName, file);
    if (!extensions.has(message.typeName)) extensions.set(message.typeName, new Map());
    for (const nested of message.nestedMessages) addMessage(nested, file);
    for (const nested of message.nestedEnums) symbols.set(nested.typeName, file);
    for (const nested of message.nestedExtensions) addExtension(nested, file);
  }

  function add(file: DescFile): void {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const message of file.messages) addMessage(message, file);
    for (const { typeName } of file.enums) symbols.set(typeName, file);
    for (const extension of file.extensions) addExtension(extension, file);
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const { name } of service.methods) symbols.set(`${service.typeName}.${name}`, file);
    }
    for (const dependency of file.dependencies) add(dependency);
  }

  return {
    add,
    byName: (name) => files.get(name),
    bySymbol: (name) => symbols.get(name),
    extensionsOf(typeName) {
      const known = extensions.get(typeName);
      return known && new Map([...known].sort(([a], [b]) => a - b));
    },
  };
}

/** A file and all that it imports, each once and as a FileDescriptorProto: what a client needs to use it. */
export function encodeFile(file: DescFile): Uint8Array[] {
  const all = new Set<DescFile>();
  const visit = (each: DescFile) => {
    if (all.has(each)) return;
    all.add(each);
    for (const dependency of each.dependencies) visit(dependency);
  };
  visit(file);
  return [...all].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
}
