const givenUpEarly =
  'Given up early: {givenUp:number} of {looked:number} candidates. The law of the kept changes by about {expected:number} %, and by at most {most:number} % if estimates go on as they did.';

/**
 * Every kind of note, as its English sentence. Records, manifests and PNG metadata hold the sentences, and windows read them
 * back: whoever rewords one keeps the old wording as a kind of its own.
 *
 * What differs stands in holes, `{name:kind}`: a `number` as it was written; a `size` like 512x384; a `word` without spaces;
 * a `label` without ": "; any `text`; another `note`, or the one of a set of `references`; and `exact`, a technical line that
 * only English has.
 */
export const noteTemplates = {
  // What was not as asked, of a batch and its images.
  promptCut:
    'The prompt has {tokens:number} tokens; the model takes {limit:number}, the last {dropped:number} were dropped.',
  negativePromptCut: 'The negative prompt is too long; its last {dropped:number} tokens were dropped.',
  startImageScaled: 'The start image was scaled and cropped from {from:size} to {to:size}.',
  decoderOverflowed: 'The decoder overflowed at half precision and was run again at float32.',
  partElsewhere: '{part:text} ran on {provider:word}, not on {instead:word}: {reason:exact}',
  vaeScaleAssumed: "The package does not say its autoencoder's scale: {scale:number}, as {family:text} has it.",
  sizeAssumed: 'The package does not say its size: {pixels:number} px, as {family:text} has it.',
  engineRestarted: '{death:exact} It was started again; images in flight are made once more.',

  // What choosing among candidates did.
  measuredAgainst: 'Measured against {references:note}.',
  keptFewer:
    'Kept {kept:number} of {asked:number}: the limit of {tried:number} candidates was reached. A weight nearer 1, another threshold or a higher attempt limit keeps more.',
  givenUp:
    "Given up after {step:number} of {stepCount:number} steps: the estimate's pseudo density {density:number} left a chance of {chance:number} % to be kept. The picture is the estimate.",
  givenUpEarly,
  givenUpEarlyChecked: `${givenUpEarly} Of {audited:number} that were finished to check, {accepted:number} would have been kept.`,

  // Nudges.
  learnedTooLittle:
    'The learned density explains {share:number} % of what it was not shown, too little; the nearest references were followed instead.',
  nudged: 'Nudged: density percentile {before:number} before, {after:number} after, among {references:note}.',
  remadeOtherSize: 'Made again, the image is {again:size}, not {there:size}.',
  remadeDiffers:
    'Made again, the image differs in {share:number} % of its values, by {largest:number} of 255 at most: another model file, provider or version.',

  // Likelihoods.
  finiteDifferences: 'By finite differences, because exact products cannot be had: {reason:exact}.',
  wholeTimesteps: 'The network counts timesteps in whole numbers, so noise levels are rounded to them.',
  promptsApart: 'Steps are chosen for each prompt apart.',
  promptGroupsApart: 'Steps are chosen for {prompts:number} prompts apart.',
  notOwnSize: "The model's own size is {own:size}; compare within one size only.",
  promptsCut: '{prompts:number} of the prompts are longer than the model takes; their ends were dropped.',

  // Measures: parts of a sentence, several of which may be joined.
  tooFewForNeighbours: 'needs more than k = {k:number} images in each set',
  fewForNeighbours: 'only {images:number} images in the smaller set: very uncertain',
  neighboursWithin: 'k = {k:number}, distance < radius',
  neighboursUpTo: 'k = {k:number}, distance ≤ radius',
  flatInterval: 'no resample differed, so that the interval is too narrow',
  tooFewForCovariance: 'needs at least 2 images in each set',
  fewForCovariance: 'only {images:number} images for {features:number} features: too high, compare equal counts only',
  fewerThanFeatures:
    'only {images:number} images for {features:number} features: too high by an unknown amount, compare equal counts only',
  cosineKernel: 'cosine kernel, order {order:number}',
  fewForModes: 'only {images:number} images: bounded by their number',
  intervalFromRows: 'interval from {rows:number} rows, scaled',
  tooFewForPairs: 'needs at least 2 images',
  firstImages: 'of the first {images:number} images',
  fewImages: 'only {images:number} images',
  noBandwidth: 'the references do not differ, so there is no bandwidth',
  gaussianKernel: 'Gaussian kernel, bandwidth {bandwidth:number} (median distance of references)',
  meanCosine: 'mean cosine of image and text embeddings',
  broaderReferences: 'the references are broader than the brief (too few are {words:text}): a batch cannot cover them',
  statedProbability:
    'of {words:text}; rests on {effective:number} of {images:number} images, 99 % quantile {quantile:number}',
  meanOverBriefs: 'mean over {briefs:number} briefs of {kept:number} kept images each; interval over briefs',

  // Which references, within other notes and alone.
  referenceSet: 'references of {owner:label}',
  allReferences: 'all {chosen:number} {set:references}',
  allReferencesThat: 'all {chosen:number} {set:references}: {words:text}',
  references: '{chosen:number} {set:references}',
  referencesThat: '{chosen:number} {set:references}: {words:text}',
  someReferences: '{chosen:number} of {total:number} {set:references}',
  someReferencesThat: '{chosen:number} of {total:number} {set:references}: {words:text}',

  // Why something in another program's file has no place among our settings.
  leftValue: 'not a value that {field:word} takes here',
  leftUnknown: 'no such setting here',
  leftModel: 'a model of the other program: choose one here',
  leftModelHash: 'models are found by id, not by this hash',
  leftProgram: 'about the program that made the file',
  leftSampler: 'no such sampler here',
  leftSpacing: 'no such spacing of noise levels here',
  leftSize: 'not a size',
  leftStartImage: 'the picture it started from is not in the file',
  leftSecondPass: 'no second pass at a higher resolution here',
  leftFurtherPass: 'a further sampling pass: one pass here',
  leftFurtherText: 'one text here',
  leftEncoderLayers: 'the text encoder is used whole',
  leftSeedMix: 'no mix of two seeds here',
  leftRandomDevice: "another program's random numbers: the same seed gives another picture",
  leftAdapters: 'adapters of the other program are not files here',
  leftAdapterHashes: 'adapters are named by file',
  leftStructure: 'no structure reference here',
  leftNoObject: 'expected a JSON object',
  leftNoGraph: "expected a ComfyUI graph's JSON",
  leftNoSampler: 'no sampler node that is known here',
  leftForeignJson: 'JSON of a program not known here',
} as const;
