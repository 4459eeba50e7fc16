/** The one direction in which code may depend. Errors, not warnings: a violation fails `npm run check`. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'engine-knows-nothing-above',
      severity: 'error',
      from: { path: '^engine' },
      to: { path: '^(server|app|components)' },
    },
    {
      name: 'core-is-pure',
      comment: 'engine/*/core takes inputs and returns effects: no I/O, no timers, no libraries that do I/O',
      severity: 'error',
      from: { path: '^engine/.+/core/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'core-imports-core',
      severity: 'error',
      from: { path: '^engine/.+/core/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^engine',
        pathNot: ['/core/', '^engine/kernel/', '(^|/)model\\.ts$', '^engine/control/store\\.ts$'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'ui-takes-types-only',
      severity: 'error',
      from: { path: '^(app|components)' },
      to: { path: '^(server|engine)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'leaf-kit-stays-leaf',
      severity: 'error',
      from: { path: '^components/(ui|charts|topology|feedback)' },
      to: { path: '^components/(features|providers)' },
    },
    {
      name: 'server-only-through-engine-client',
      severity: 'error',
      comment:
        'Outside engine-client the server uses engine types, the error table, record models and catalogs over a store that it gives them, never engine code that acts by itself',
      from: { path: '^server', pathNot: ['^server/engine-client', '^server/main\\.ts$', '\\.test\\.ts$'] },
      to: {
        path: '^engine',
        pathNot: ['^engine/kernel/', '(^|/)(model|catalog)\\.ts$', '/core/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'procedures-below-surfaces',
      severity: 'error',
      from: { path: '^server/(procedures|engine-client)' },
      to: { path: '^server/surfaces' },
    },
    {
      name: 'area-stands-alone',
      comment:
        'An area of the API takes its own files, shared/ and what stands beside the areas, never the files of another area',
      severity: 'error',
      from: { path: '^server/procedures/([^/]+)/', pathNot: '^server/procedures/shared/' },
      to: { path: '^server/procedures/[^/]+/', pathNot: ['^server/procedures/$1/', '^server/procedures/shared/'] },
    },
    {
      name: 'shared-knows-no-area',
      severity: 'error',
      from: { path: '^server/procedures/shared/' },
      to: { path: ['^server/procedures/(?!shared/)[^/]+/', '^server/procedures/registry\\.ts$'] },
    },
    {
      name: 'areas-through-the-registry',
      comment: 'The registry knows an area by its index; the rest of the server knows what all areas have in common',
      severity: 'error',
      from: { path: '^server/', pathNot: ['^server/procedures/[^/]+/', '\\.test\\.ts$'] },
      to: { path: '^server/procedures/(?!shared/)[^/]+/', pathNot: '^server/procedures/[^/]+/index\\.ts$' },
    },
    {
      name: 'area-index-for-the-registry-only',
      severity: 'error',
      from: { pathNot: '^server/procedures/registry\\.ts$' },
      to: { path: '^server/procedures/[^/]+/index\\.ts$' },
    },
    {
      name: 'cli-is-a-client',
      comment: 'The CLI knows the definitions, not how they are served; nobody knows the CLI',
      severity: 'error',
      from: { path: '^cli', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^(server|engine|app|components)',
        pathNot: '^server/procedures/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'nobody-knows-the-cli',
      severity: 'error',
      from: { path: '^(server|engine|app|components)' },
      to: { path: '^cli' },
    },
    {
      name: 'no-test-code-in-product',
      severity: 'error',
      from: { pathNot: ['\\.test\\.tsx?$', '/testing/', '^e2e', '^bench', '/test/', '^scripts'] },
      to: { path: ['/testing/', '\\.test\\.ts$'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '(^|/)(node_modules|dist|\\.next)/' },
    enhancedResolveOptions: { conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
