/** One command of a guide page, as a reader types it. */
export interface GuideCommand {
  readonly text: string;
  /** of its first line, in the page */
  readonly line: number;
  /** the machine that the fence names: ```sh on laptop */
  readonly fence: string | undefined;
  /** the comment at its end, which may name another one: # on the server */
  readonly comment: string;
}

/** A block of a page between fences. */
interface Block {
  readonly language: string;
  readonly info: string;
  readonly text: string;
  /** of its first line, in the page */
  readonly line: number;
  /** what stands between the last heading, with it, and this block */
  readonly before: string;
}

/** Other words for a shell block would let commands slip past whoever looks for `sh`. */
const OTHER_SHELLS = new Set(['bash', 'shell', 'console', 'zsh', 'shell-session']);

/** The commands in the shell blocks of a page, in their order; throws where a block could not be found or its machine is not told to readers. */
export function commandsOf(page: string): readonly GuideCommand[] {
  return blocksOf(page).flatMap((block) => {
    if (OTHER_SHELLS.has(block.language)) throw new Error(`line ${block.line - 1}: write \`\`\`sh`);
    return block.language === 'sh' ? commandsIn(block) : [];
  });
}

/** The text of the first block in this language, as files of settings are shown. */
export function blockOf(page: string, language: string): string {
  const found = blocksOf(page).find((block) => block.language === language);
  if (!found) throw new Error(`no block of ${language}`);
  return found.text;
}

function blocksOf(page: string): readonly Block[] {
  const fences = [...page.matchAll(/^( *)```([\w-]*) ?(.*)\n([\s\S]*?)^ *```$/gm)];
  return fences.map(({ 1: indent = '', 2: language = '', 3: info = '', 4: body = '', index }) => {
    const above = page.slice(0, index);
    const heading = Math.max(0, ...[...above.matchAll(/^#+ /gm)].map((each) => each.index));
    const text = body.replace(new RegExp(`^${indent}`, 'gm'), '');
    return { language, info, text, line: above.split('\n').length + 1, before: above.slice(heading) };
  });
}

function commandsIn(block: Block): readonly GuideCommand[] {
  const fence = machineOf(block);
  const commands: GuideCommand[] = [];
  let open: { readonly text: string; readonly line: number } | undefined;
  block.text
    .trimEnd()
    .split('\n')
    .forEach((line, at) => {
      if (open === undefined && /^\s*(#|$)/.test(line)) return;
      open = { text: open ? `${open.text}\n${line}` : line, line: open?.line ?? block.line + at };
      if (goesOn(open.text)) return;
      const [text = '', comment = ''] = open.text.split(/\s+#\s+(?=[^\n]*$)/);
      commands.push({ text: text.trim(), line: open.line, fence, comment });
      open = undefined;
    });
  if (open) throw new Error(`line ${block.line}: a command of this block does not end`);
  return commands;
}

function machineOf({ info, before, line }: Block): string | undefined {
  if (info === '') return undefined;
  const [, name] = /^on ([a-z][a-z0-9-]*)$/.exec(info) ?? [];
  if (name === undefined) throw new Error(`line ${line - 1}: "${info}" is not "on MACHINE"`);
  if (!new RegExp(`\\b${name}\\b`, 'i').test(before))
    throw new Error(
      `line ${line - 1}: no reader sees that this is on ${name}; say so in the text or the heading above`,
    );
  return name;
}

/** A line that ends with a backslash, or a here-document whose end has not come. */
function goesOn(text: string): boolean {
  const [, end] = /<<-?\s*'?(\w+)'?/.exec(text) ?? [];
  return end === undefined ? text.endsWith('\\') : !text.split('\n').slice(1).includes(end);
}
