{#- A view: asana__story, which is incremental, reads the same, of what it has not yet. -#}
{{ config(materialized='view') }}
{{ asana_airbyte.staged('stories', asana_airbyte.story_columns(), key=['story_id'], renamed={'story_id': 'gid'}) }}
