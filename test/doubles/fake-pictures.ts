import sharp from 'sharp';

/** A plain vase on a plain ground, as a picture whose look follows from a number. */
export async function vasePicture(number: number, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const hue = (number * 47) % 360;
  const belly = 22 + ((number * 13) % 20);
  const neck = 7 + ((number * 7) % 10);
  const height = 46 + ((number * 11) % 28);
  const top = 84 - height;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="${size}" height="${size}">
    <defs><linearGradient id="g"><stop offset="0" stop-color="hsl(${hue} 45% 68%)"/><stop offset="1" stop-color="hsl(${hue} 50% 34%)"/></linearGradient></defs>
    <rect width="100" height="100" fill="hsl(${(hue + 30) % 360} 14% 88%)"/><rect y="78" width="100" height="22" fill="hsl(${(hue + 30) % 360} 12% 80%)"/>
    <ellipse cx="54" cy="86" rx="${belly}" ry="4" fill="hsl(0 0% 0% / 0.18)"/>
    <path fill="url(#g)" d="M ${50 - neck} ${top} C ${50 - neck} ${top + 16}, ${50 - belly} ${top + 18}, ${50 - belly} ${top + height * 0.6} S ${50 - neck} 86, 50 86 S ${50 + belly} ${top + height * 0.8}, ${50 + belly} ${top + height * 0.6} S ${50 + neck} ${top + 16}, ${50 + neck} ${top} Z"/>
  </svg>`;
  const bytes = await sharp(Buffer.from(svg)).webp({ quality: 82 }).toBuffer();
  return new Uint8Array(bytes);
}
