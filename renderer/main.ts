import { mount } from 'svelte';
import App from './App.svelte';
import { connect } from './state/connect.ts';
import { Workspace } from './state/workspace.svelte.ts';
import './styles/base.css';

const target = document.querySelector('#window');
if (target === null) throw new Error('The page has no element for the window.');

const workspace: Workspace = new Workspace(
  connect((isConnected) => {
    workspace.receiveConnection(isConnected);
  }),
);
addEventListener('pagehide', () => {
  workspace.brief.keepNow();
});
mount(App, { target, props: { workspace } });
void workspace.start();
