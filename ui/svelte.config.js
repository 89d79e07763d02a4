// Styles go into a file: the policy of the pages allows none inside them.
export default { compilerOptions: { runes: true, css: 'external' } };
