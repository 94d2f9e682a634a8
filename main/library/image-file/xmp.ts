import type { ImageRecord } from '../../contract/images.ts';
import { escapeXml, unescapeXml } from '../xml.ts';

const namespaces = {
  dc: 'http://purl.org/dc/elements/1.1/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  Iptc4xmpExt: 'http://iptc.org/std/Iptc4xmpExt/2008-02-29/',
  gamut: 'urn:gamut:record:1',
} as const;

/** IPTC's vocabulary of digital source types; a picture that began as another one is a composite. */
const sourceTypes = 'http://cv.iptc.org/newscodes/digitalsourcetype/';

/**
 * The XMP packet of an image: IPTC digital source type (so that agencies and search engines see that it was generated),
 * prompt, model, and, where asked, the complete record for formats that have no place for text of their own.
 */
export function xmpPacket(record: ImageRecord, withRecord: boolean): string {
  const kind = record.settings.image === null ? 'trainedAlgorithmicMedia' : 'compositeWithTrainedAlgorithmicMedia';
  const declared = Object.entries(namespaces).map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`);
  return [
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    `<rdf:Description rdf:about="" ${declared.join(' ')}>`,
    `<Iptc4xmpExt:DigitalSourceType>${sourceTypes}${kind}</Iptc4xmpExt:DigitalSourceType>`,
    `<Iptc4xmpExt:AISystemUsed>${escapeXml(record.model.id)}</Iptc4xmpExt:AISystemUsed>`,
    `<Iptc4xmpExt:AIPromptInformation>${escapeXml(record.settings.prompt)}</Iptc4xmpExt:AIPromptInformation>`,
    `<xmp:CreatorTool>${escapeXml(`${record.application.name} ${record.application.version}`)}</xmp:CreatorTool>`,
    `<xmp:CreateDate>${escapeXml(record.createdAt)}</xmp:CreateDate>`,
    `<dc:description><rdf:Alt><rdf:li xml:lang="x-default">${escapeXml(record.settings.prompt)}</rdf:li></rdf:Alt></dc:description>`,
    ...(withRecord ? [`<gamut:Record>${escapeXml(JSON.stringify(record))}</gamut:Record>`] : []),
    '</rdf:Description>',
    '</rdf:RDF>',
    '</x:xmpmeta>',
    '<?xpacket end="w"?>',
  ].join('\n');
}

/** The record's JSON inside a packet of ours; null in anybody else's. */
export function recordTextInXmp(packet: string): string | null {
  const found = /<gamut:Record>([^<]*)<\/gamut:Record>/.exec(packet);
  return found?.[1] === undefined ? null : unescapeXml(found[1]);
}
