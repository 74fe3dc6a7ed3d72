// Preloaded by scripts/sanitize-native.sh: whoever asks for the addon gets its sanitized build.
const Module = require('node:module');

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  return resolve.call(this, request.replace(/build\/gscip\.node$/, 'build/gscip-asan.node'), ...rest);
};
