/**
 * The little of XML that UPnP descriptions and answers need: text between tags, by local name. No entities but the five
 * of XML, no DTD, no processing; whatever is longer or deeper than the bounds is refused. Never throws.
 */

const TEXT_MAX = 65_536;
const TAGS_MAX = 4_096;

export interface XmlElement {
  /** without its prefix */
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface Open {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

/** The root element, or null for anything that is not such a document. */
export function parseXml(document: string): XmlElement | null {
  if (document.length > TEXT_MAX || /<!DOCTYPE|<!ENTITY|<!\[CDATA\[/i.test(document)) return null;
  const stack: Open[] = [{ name: '', children: [], text: '' }];
  let tags = 0;
  let at = 0;
  for (const match of document.matchAll(
    /<(\/?)([A-Za-z_][\w.:-]{0,127})((?:\s[^<>]{0,1024})?)(\/?)>|<\?[^<>]{0,256}\?>|<!--[^<>]{0,4096}-->/g,
  )) {
    const top = stack.at(-1);
    if (++tags > TAGS_MAX || !top || stack.length > 32) return null;
    top.text += document.slice(at, match.index);
    at = match.index + match[0].length;
    const [, closing, qualified, attributes] = match;
    if (qualified === undefined) continue;
    const name = qualified.slice(qualified.indexOf(':') + 1);
    if (!closing) stack.push({ name, children: [], text: '' });
    if (!closing && !match[4] && !attributes?.endsWith('/')) continue;
    const done = stack.pop();
    const parent = stack.at(-1);
    if (!done || !parent || done.name !== name) return null;
    parent.children.push({ name, text: unescapeXml(done.text).trim(), children: done.children });
  }
  const root = stack[0];
  return stack.length === 1 && root?.children.length === 1 ? (root.children[0] ?? null) : null;
}

/** All elements of a name, in the order of the document. */
export function findAll(element: XmlElement, name: string): XmlElement[] {
  const own = element.name === name ? [element] : [];
  return [...own, ...element.children.flatMap((child) => findAll(child, name))];
}

/** Text of the first child of that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_whole, name: string) => ENTITIES[name] ?? '');
}
