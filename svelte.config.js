/** Options shared by the build, the tests and the checker. */
export default { compilerOptions: { runes: true } };
